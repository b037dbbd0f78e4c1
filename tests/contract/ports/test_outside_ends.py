"""What a ContainerRuntime says of containers after a restart of the machine: in memory, and on an engine of its own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from processing_emulator.adapters.docker_runtime.outside_ends import GRACE_SECONDS
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.ports import ContainerRuntime
from tests.contract.ports.containers import Does, a_spec
from tests.fakes.machine import FakeMachine
from tests.fakes.runtime import FakeRuntime
from tests.fixtures_docker import TEST_IMAGE, RuntimeFactory
from tests.own_engine import own_engine
from tests.waiting import wait_for


@dataclass(frozen=True)
class Machine:
    """An engine, what starts the whole machine that it runs on again, and what lets time pass on it."""

    runtime: ContainerRuntime
    reboot: Callable[[], None]
    let_pass: Callable[[float], None]


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    if request.param == "fake":
        fake = FakeMachine(images=[TEST_IMAGE])
        yield Machine(FakeRuntime(machine=fake), fake.restart, lambda seconds: None)
        return
    make_runtime: RuntimeFactory = request.getfixturevalue("make_runtime")
    with TemporaryDirectory(prefix="pe-") as folder, own_engine(Path(folder) / "e") as engine:
        yield Machine(make_runtime(engine.address), engine.reboot, _let_pass)


def _let_pass(seconds: float) -> None:
    until = time.monotonic() + seconds
    wait_for("the time to pass", lambda: time.monotonic() >= until or None, seconds + 10)


def test_container_that_a_restart_of_the_machine_ended_is_told_from_one_that_ended_itself(machine: Machine) -> None:
    """One that ended itself shortly before the restart cannot be told from one that it ended."""
    runtime = machine.runtime
    earlier = runtime.create(a_spec(Does(exit_code=255)))
    runtime.start(earlier)
    runtime.wait(earlier)
    machine.let_pass(GRACE_SECONDS + 1)
    cut = runtime.create(a_spec(Does(holds=True)))
    runtime.start(cut)

    machine.reboot()
    later = runtime.create(a_spec(Does(exit_code=255)))
    runtime.start(later)

    assert runtime.wait(cut) == runtime.wait(later) == ContainerExit(code=255)
    assert runtime.was_ended_from_outside(cut, engine_lost_at=None)
    for itself in (earlier, later):
        assert not runtime.was_ended_from_outside(itself, engine_lost_at=None)
    runtime.remove(cut)
    assert not runtime.was_ended_from_outside(cut, engine_lost_at=None)
