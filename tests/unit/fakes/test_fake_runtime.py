"""The controls that the fake engine gives to tests; tests/contract/ports covers the port itself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.usage import GpuReading, UsageReading
from processing_emulator.errors import Cancelled, ContainerGone, ImageNotFound, RuntimeFailure, RuntimeUnavailable
from processing_emulator.ports import BindMount, ContainerSpec, ContainerState, PullPolicy
from tests.fakes.container_script import FakeRun, mounted
from tests.fakes.machine import FakeMachine
from tests.fakes.probes import FakeGpuProbe, FakeHostProbe
from tests.fakes.runtime import FakeRuntime
from tests.fixtures_docker import a_container

NEVER = threading.Event()


def quiet(_line: str) -> None:
    pass


def started(runtime: FakeRuntime, name: str = "c") -> str:
    container_id = runtime.create(a_container(name=name))
    runtime.start(container_id)
    return container_id


def running(run: FakeRun) -> tuple[FakeRuntime, str]:
    runtime = FakeRuntime(machine=FakeMachine(script=lambda _spec: run))
    return runtime, started(runtime)


def test_container_runs_for_its_ticks() -> None:
    runtime, container_id = running(FakeRun(ticks=3, exit_code=7))

    runtime.machine.tick(2)
    assert runtime.inspect(container_id).state is ContainerState.RUNNING
    runtime.machine.tick()

    assert runtime.wait(container_id) == ContainerExit(code=7)


def test_container_is_released_with_another_code() -> None:
    runtime, container_id = running(FakeRun(holds=True))

    runtime.machine.release("c", 9)

    assert runtime.wait(container_id) == ContainerExit(code=9)


def test_container_is_killed_for_memory() -> None:
    runtime, container_id = running(FakeRun(holds=True))

    runtime.machine.kill_for_memory("c")

    assert runtime.wait(container_id) == ContainerExit(code=137, out_of_memory=True)


def test_lines_printed_later_reach_an_open_reader() -> None:
    runtime, container_id = running(FakeRun(prints=(b"first",), holds=True))
    with ThreadPoolExecutor() as pool:
        stream = runtime.stream_logs(container_id, 0)
        assert [line.data for line in next(stream)] == [b"first"]
        reading = pool.submit(lambda: [line.data for batch in stream for line in batch])

        runtime.machine.print_line("c", b"second")
        runtime.machine.release("c")

        assert reading.result(10) == [b"second"]


def test_script_can_write_into_mounts(tmp_path: Path) -> None:
    def work(spec: ContainerSpec) -> None:
        mounted(spec, "/opt/ml/output/message").write_text("done")

    runtime = FakeRuntime(machine=FakeMachine(script=lambda _spec: FakeRun(work=work)))
    mount = BindMount(source=tmp_path, target="/opt/ml/output")
    runtime.start(runtime.create(a_container(mounts=(mount,))))

    assert (tmp_path / "message").read_text() == "done"


def test_usage_comes_from_the_script() -> None:
    usage = UsageReading(cpu_seconds=3.0, memory_bytes=5)
    runtime, container_id = running(FakeRun(holds=True, usage=usage))

    assert runtime.read_usage(container_id) == usage


def test_removed_container_is_gone() -> None:
    runtime, container_id = running(FakeRun(holds=True))

    runtime.machine.remove(container_id)

    with pytest.raises(ContainerGone):
        runtime.inspect(container_id)
    assert runtime.machine.names() == []


def test_log_stream_ends_when_the_container_is_removed_before_its_start() -> None:
    runtime = FakeRuntime()
    container_id = runtime.create(a_container())
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(list, runtime.stream_logs(container_id, 0))
        with suppress(TimeoutError):
            reading.result(0.05)

        runtime.remove(container_id)

        assert reading.result(10) == []


def test_scripted_failures_then_success() -> None:
    runtime = FakeRuntime()
    runtime.fail("create", RuntimeUnavailable("once"), RuntimeFailure("twice"))

    with pytest.raises(RuntimeUnavailable, match="once"):
        runtime.create(a_container())
    with pytest.raises(RuntimeFailure, match="twice"):
        runtime.create(a_container())
    runtime.create(a_container())

    assert len(runtime.specs) == 1


def test_await_state_times_out_with_a_message() -> None:
    runtime, _ = running(FakeRun(holds=True))

    assert runtime.machine.await_state("c", ContainerState.RUNNING).name == "c"
    with pytest.raises(TimeoutError, match="container c was not exited"):
        runtime.machine.await_state("c", ContainerState.EXITED, seconds=0.01)


def test_records_signals() -> None:
    runtime, container_id = running(FakeRun(holds=True, ignores_sigterm=True))

    for signal in ("SIGTERM", "SIGKILL", "SIGTERM"):
        runtime.signal(container_id, signal)

    assert runtime.signals == [("c", "SIGTERM"), ("c", "SIGKILL")]


def with_registry() -> FakeRuntime:
    return FakeRuntime(machine=FakeMachine(images=["here:1"], registry=["there:1"]))


def test_image_is_local_after_one_pull() -> None:
    runtime = with_registry()

    ids = {runtime.ensure_image("there:1", PullPolicy.MISSING, quiet, NEVER).id for _ in range(2)}

    assert runtime.pulls == ["there:1"]
    runtime.create(a_container(image=ids.pop()))
    assert not ids


@pytest.mark.parametrize(("reference", "policy"), [("nowhere:1", PullPolicy.MISSING), ("there:1", PullPolicy.NEVER)])
def test_missing_image_is_not_found(reference: str, policy: PullPolicy) -> None:
    runtime = with_registry()

    with pytest.raises(ImageNotFound):
        runtime.ensure_image(reference, policy, quiet, NEVER)
    with pytest.raises(ImageNotFound):
        runtime.create(a_container(image=reference))

    assert runtime.pulls == []


def test_cancelled_pull_does_not_cancel_the_others() -> None:
    runtime = with_registry()
    give_up = threading.Event()
    asked = threading.Barrier(3)

    def note(_line: str) -> None:
        asked.wait(10)

    def ask(cancel: threading.Event) -> str:
        return runtime.ensure_image("there:1", PullPolicy.MISSING, note, cancel).id

    with ThreadPoolExecutor() as pool:
        with runtime.machine.pulls_held():
            impatient, patient = pool.submit(ask, give_up), pool.submit(ask, NEVER)
            asked.wait(10)
            give_up.set()
            with pytest.raises(Cancelled):
                impatient.result(10)
        assert patient.result(10) == "sha256:there:1"

    assert runtime.pulls == ["there:1"]


def test_probes_return_their_configured_values() -> None:
    first = GpuReading(gpu_id="a", utilization_percent=1, memory_used_bytes=2, memory_total_bytes=3)
    gpus, host = FakeGpuProbe([first]), FakeHostProbe(vcpus=2, gpu_ids=("a",))

    assert (gpus.gpu_ids(), gpus.read(("a", "gone"))) == (("a",), (first,))
    assert (host.capacity().vcpus, host.capacity().container_cpus, host.capacity().gpu_ids) == (2, 2, ("a",))
    host.host = None
    with pytest.raises(RuntimeUnavailable):
        host.capacity()
