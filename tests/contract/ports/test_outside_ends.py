"""What a ContainerRuntime says of containers after a restart of the machine: in memory, and on an engine of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.ports import ContainerRuntime
from tests.contract.ports.containers import Does, a_spec
from tests.fakes.machine import FakeMachine
from tests.fakes.runtime import FakeRuntime
from tests.fixtures_docker import TEST_IMAGE, RuntimeFactory
from tests.own_engine import own_engine


@dataclass(frozen=True)
class Machine:
    """An engine, and what starts the whole machine that it runs on again."""

    runtime: ContainerRuntime
    reboot: Callable[[], None]


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    if request.param == "fake":
        fake = FakeMachine(images=[TEST_IMAGE])
        yield Machine(FakeRuntime(machine=fake), fake.restart)
        return
    make_runtime: RuntimeFactory = request.getfixturevalue("make_runtime")
    with TemporaryDirectory(prefix="pe-") as folder, own_engine(Path(folder) / "e") as engine:
        yield Machine(make_runtime(engine.address), engine.reboot)


def test_container_that_a_restart_of_the_machine_ended_is_told_from_one_that_ended_itself(machine: Machine) -> None:
    runtime = machine.runtime
    cut = runtime.create(a_spec(Does(holds=True)))
    runtime.start(cut)

    machine.reboot()
    later = runtime.create(a_spec(Does(exit_code=255)))
    runtime.start(later)

    assert runtime.wait(cut) == runtime.wait(later) == ContainerExit(code=255)
    assert runtime.was_ended_from_outside(cut, engine_was_away=False)
    assert not runtime.was_ended_from_outside(later, engine_was_away=False)
    runtime.remove(cut)
    assert not runtime.was_ended_from_outside(cut, engine_was_away=False)
