"""The log pump with an engine and a store in memory: what is stored when, and what a pump that is killed leaves."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from processing_emulator.domain.job import JobId
from processing_emulator.engine.log_pump import HOLD_SECONDS, LogPump
from processing_emulator.ports import RawLine
from tests.contract.ports.stores import add_instance, output_of
from tests.fakes.container_script import HOLD
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.machine import FakeMachine
from tests.fakes.runtime import FakeRuntime
from tests.fixtures_docker import a_container
from tests.waiting import wait_for

NAME = "printing"


@dataclass
class SetClock:
    """Stands still until it is set."""

    seconds: float = 100.0

    def now(self) -> datetime:
        """See the port."""
        return datetime.fromtimestamp(1_800_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        """See the port."""
        return self.seconds


@dataclass
class Container:
    """A running container that prints, and the stores its pumps write to."""

    clock: SetClock = field(default_factory=SetClock)
    machine: FakeMachine = field(default_factory=FakeMachine)
    jobs: MemoryJobStore = field(default_factory=MemoryJobStore)
    pumps: list[LogPump] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs = MemoryLogStore(self.jobs)
        self.job_id: JobId = add_instance(self.jobs)
        self.runtime = FakeRuntime(machine=self.machine)
        self.id = self.runtime.create(a_container("sleep", name=NAME, environment={HOLD: "yes"}))
        self.runtime.start(self.id)

    def pump(self) -> LogPump:
        """Start the pump of one life of the emulator."""
        (record,) = self.jobs.list_instances(self.job_id)
        pump = LogPump(self.runtime, self.logs, self.clock, record, self.id, "test")
        self.pumps.append(pump)
        pump.start(lambda _failure: None)
        return pump

    def kill(self, pump: LogPump) -> None:
        """End a pump as the kill of its server does: it stores nothing from here on."""
        pump.abandon()
        pump._writer.join(10)

    def print(self, *lines: str) -> None:
        for line in lines:
            self.machine.print_line(NAME, line.encode())

    def exit(self) -> None:
        self.machine.release(NAME)

    @property
    def messages(self) -> list[str]:
        return [event.message for event in output_of(self.logs, self.job_id)]

    def await_messages(self, *messages: str) -> None:
        wait_for(f"{messages} to be stored", lambda: self.messages == list(messages) or None, 10)


@pytest.fixture
def container() -> Iterator[Container]:
    """A container whose pumps are stopped at the end."""
    container = Container()
    yield container
    for pump in container.pumps:
        pump.abandon()


def test_the_last_event_is_stored_once_the_container_has_exited(container: Container) -> None:
    pump = container.pump()
    container.print("Traceback", "  line 1", "Error")
    container.exit()

    assert pump.finish(engine_was_away=False)
    assert container.messages == ["Traceback\n  line 1", "Error"]


def test_an_open_event_is_stored_after_a_second_and_does_not_change_any_more(container: Container) -> None:
    pump = container.pump()
    container.print("first", "Traceback")
    container.await_messages("first")

    container.clock.seconds += HOLD_SECONDS
    container.await_messages("first", "Traceback")
    container.print("  late", "  later")
    container.exit()

    assert pump.finish(engine_was_away=False)
    assert container.messages == ["first", "Traceback", "  late\n  later"]


def test_events_have_the_time_at_which_they_were_stored(container: Container) -> None:
    pump = container.pump()
    container.print("a")
    container.exit()
    pump.finish(engine_was_away=False)

    assert [event.ingested_at_ms for event in output_of(container.logs, container.job_id)] == [1_800_000_100_000]


def test_a_pump_that_is_abandoned_leaves_the_open_event_to_the_next_one(container: Container) -> None:
    first = container.pump()
    container.print("stored", "Traceback", "  line 1")
    container.await_messages("stored")
    container.kill(first)
    container.print("  line 2")

    second = container.pump()
    container.exit()

    assert second.finish(engine_was_away=False)
    assert container.messages == ["stored", "Traceback\n  line 1\n  line 2"]


def test_lines_are_stored_once_when_the_store_fails_for_a_while(container: Container) -> None:
    pump = container.pump()
    container.jobs.go_down()
    container.print("a", "b", "  b2")
    container.exit()
    container.jobs.come_back()

    assert pump.finish(engine_was_away=False)
    assert container.messages == ["a", "b\n  b2"]


def test_of_two_pumps_of_one_container_one_gives_up_and_says_so(container: Container) -> None:
    pumps = [container.pump(), container.pump()]
    container.print(*map(str, range(1000)))
    container.exit()

    finished = [pump.finish(engine_was_away=False) for pump in pumps]

    assert sorted(finished) == [False, True]
    assert container.messages == [str(number) for number in range(1000)]


def test_a_pump_of_a_forgotten_job_ends(container: Container) -> None:
    pump = container.pump()
    container.jobs.clear()
    container.print("a")
    container.exit()

    assert not pump.finish(engine_was_away=False)


def test_lines_that_the_engine_dropped_make_the_log_incomplete(container: Container) -> None:
    container.machine.has_lost_lines = True
    pump = container.pump()
    container.print("a")
    container.exit()

    assert not pump.finish(engine_was_away=False)
    assert container.messages == ["a"]


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        (3, ["2", "3", "4"]),
        (5, ["0", "1", "2", "3", "4"]),
        (6, ["0", "1", "2", "3", "4"]),
    ],
    ids=["unread lines dropped", "all stored lines dropped", "some stored lines dropped"],
)
def test_lines_that_the_engine_dropped_while_no_pump_ran_are_noticed(
    container: Container, kept: int, read: list[str]
) -> None:
    """When the last stored line is gone, too, nobody knows whether others are: the log counts as incomplete."""
    first = container.pump()
    container.print("a", "b", "open")
    container.await_messages("a", "b")
    container.clock.seconds += HOLD_SECONDS
    container.await_messages("a", "b", "open")
    container.kill(first)
    container.print(*map(str, range(5)))
    container.machine.rotate_log(NAME, keep=kept)

    second = container.pump()
    container.exit()

    assert second.finish(engine_was_away=False) == (kept > 5)
    assert container.messages == ["a", "b", "open", *read]

    third = container.pump()
    assert third.finish(engine_was_away=False)
    assert container.messages == ["a", "b", "open", *read]


class SwallowsLogs(FakeRuntime):
    """An engine that never sends a log."""

    ended = threading.Event()

    def stream_logs(
        self, container_id: str, since_second: int, when_lost: Callable[[], None] = lambda: None
    ) -> Iterator[Sequence[RawLine]]:
        self.ended.wait()
        return super().stream_logs(container_id, since_second, when_lost)


def test_a_log_that_the_engine_never_sends_is_given_up(container: Container) -> None:
    runtime = SwallowsLogs(machine=container.machine)
    (record,) = container.jobs.list_instances(container.job_id)
    pump = LogPump(runtime, container.logs, container.clock, record, container.id, "test", drain_seconds=0.05)
    pump.start(lambda _failure: None)
    container.exit()

    assert not pump.finish(engine_was_away=False)
    pump.abandon()
    runtime.ended.set()
