"""Activities next to a container: started with it, finished after its exit, abandoned when the emulator detaches."""

import threading

import pytest

from processing_emulator.domain.job import Limits
from processing_emulator.domain.outcome import ContainerExit, Failure, FailureClass
from processing_emulator.engine.activity import Activity, EndContainer
from processing_emulator.engine.container_run import ContainerRun
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.ports import ContainerSpec
from tests.unit.engine.engine_rig import EmulatorRun, Rig

BROKEN_PIPE = Failure(kind=FailureClass.CLIENT, text="the pipe broke")


class Recorder:
    """An activity that notes every call; `is_complete` is what it answers to `finish`."""

    def __init__(self, name: str, calls: list[str], *, is_complete: bool = True) -> None:
        self.name = name
        self.started = threading.Event()
        self.end_container: EndContainer = lambda _failure: None
        self._calls = calls
        self._is_complete = is_complete

    def start(self, end_container: EndContainer) -> None:
        self._calls.append(f"{self.name} starts")
        self.end_container = end_container
        self.started.set()

    def finish(self, *, engine_was_away: bool) -> bool:
        self._calls.append(f"{self.name} finishes" + (", cut" if engine_was_away else ""))
        return self._is_complete

    def abandon(self) -> None:
        self._calls.append(f"{self.name} abandons")


class CannotStart(Recorder):
    def start(self, end_container: EndContainer) -> None:
        super().start(end_container)
        raise RuntimeError("can't start new thread")


@pytest.fixture
def emulator(rig: Rig) -> EmulatorRun:
    return rig.start_emulator()


def start_container(emulator: EmulatorRun) -> str:
    spec = ContainerSpec(
        name="c",
        image="i:1",
        hostname="algo-1",
        entrypoint=None,
        arguments=None,
        environment={"FAKE_HOLD": "1"},
        mounts=(),
        labels={},
        limits=Limits(vcpus=1, reserved_vcpus=1, memory_bytes=1, volume_bytes=1),
        shm_bytes=1,
        network=None,
    )
    container_id = emulator.runtime.create(spec)
    emulator.runtime.start(container_id)
    return container_id


def follow(run: ContainerRun) -> tuple[threading.Thread, list[ContainerExit | None]]:
    ended: list[ContainerExit | None] = []
    thread = threading.Thread(target=lambda: ended.append(run.follow()), daemon=True)
    thread.start()
    return thread, ended


def a_run(emulator: EmulatorRun, *activities: Activity) -> ContainerRun:
    return ContainerRun(
        emulator.tools, start_container(emulator), activities, lambda: None, lambda _: None, "job/algo-1"
    )


def test_all_are_started_and_finished_in_the_order_of_the_list(rig: Rig, emulator: EmulatorRun) -> None:
    calls: list[str] = []
    one, two = Recorder("one", calls), Recorder("two", calls, is_complete=False)
    run = a_run(emulator, one, two)
    thread, ended = follow(run)
    two.started.wait()
    rig.machine.release("c", 3)
    thread.join(10)
    assert ended == [ContainerExit(code=3)]
    assert calls[:4] == ["one starts", "two starts", "one finishes", "two finishes"]
    assert run.incomplete == ("two",)
    assert run.failure is None


def test_one_that_ends_the_container_gives_the_failure_and_the_first_failure_counts(emulator: EmulatorRun) -> None:
    pipe = Recorder("pipe", [])
    run = a_run(emulator, pipe)
    thread, ended = follow(run)
    pipe.started.wait()
    pipe.end_container(BROKEN_PIPE)
    pipe.end_container(Failure(kind=FailureClass.INTERNAL, text="later"))
    thread.join(10)
    assert ended == [ContainerExit(code=137)]
    assert run.failure == BROKEN_PIPE
    assert {signal for _, signal in emulator.runtime.signals} == {"SIGKILL"}


def test_detaching_abandons_all_and_leaves_the_container_running(rig: Rig, emulator: EmulatorRun) -> None:
    calls: list[str] = []
    one = Recorder("one", calls)
    run = a_run(emulator, one)
    thread, ended = follow(run)
    one.started.wait()
    run.detach()
    thread.join(10)
    assert ended == [None]
    assert set(calls) == {"one starts", "one abandons"}
    assert rig.machine.containers()[0].is_running


def test_an_activity_that_cannot_start_leaves_no_other_running(emulator: EmulatorRun) -> None:
    calls: list[str] = []
    run = a_run(emulator, Recorder("one", calls), CannotStart("two", calls))
    with pytest.raises(RuntimeError):
        run.follow()
    assert calls == ["one starts", "two starts", "one abandons", "two abandons"]


def test_an_engine_that_was_away_is_mentioned_to_those_that_read_its_streams(rig: Rig, emulator: EmulatorRun) -> None:
    calls: list[str] = []
    one = Recorder("one", calls)
    run = a_run(emulator, one)
    emulator.runtime.fail("wait", RuntimeUnavailable("away"))
    thread, _ = follow(run)
    one.started.wait()
    rig.machine.release("c")
    thread.join(10)
    assert "one finishes, cut" in calls
