"""A log that has settled stays as it was shown: what comes later is kept apart by its stamp."""

import pytest
from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import JOIN_MS
from processing_emulator.errors import StaleJob
from processing_emulator.logs.settling import KEPT_ACTIVITIES, SETTLE_SECONDS, SettlingLog
from processing_emulator.ports import RawLine

from tests.contract.ports.stores import add_instance
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.unit.jobs.parts import StepClock

MS = 1_000_000


class Log:
    """A log that settles, of one instance."""

    def __init__(self) -> None:
        self.clock = StepClock()
        self.jobs = MemoryJobStore()
        self.inner = MemoryLogStore(self.jobs)
        self.job_id = add_instance(self.jobs)
        self.settling = SettlingLog(self.inner, self.clock)
        self.count = 0

    def restart(self) -> None:
        """As another process on the same store."""
        self.settling = SettlingLog(self.inner, self.clock)

    def append(self, *lines: tuple[int, bytes]) -> None:
        raw = [RawLine(at_ns=at_ms * MS, data=data) for at_ms, data in lines]
        self.settling.append(self.job_id, 0, raw, LogCursor(next_seq=self.count + len(raw)))
        self.count += len(raw)

    def stamps(self) -> list[int]:
        return [line.at_ms for line in self.settling.read(self.job_id, 0, 0, 100)]

    def is_settled(self) -> bool:
        return self.settling.is_settled(self.job_id, 0)


def test_a_log_settles_when_nothing_was_added_for_a_while() -> None:
    log = Log()
    log.append((10, b"a"))

    assert not log.is_settled()
    log.clock.looks += int(SETTLE_SECONDS)
    assert log.is_settled()
    log.append((11, b" b"))
    assert not log.is_settled()


def test_lines_that_come_in_time_keep_their_stamps() -> None:
    log = Log()
    log.append((10, b"a"))
    log.clock.looks += int(SETTLE_SECONDS) - 1
    log.append((11, b" b"), (12, b"c"))

    assert log.stamps() == [10, 11, 12]


def test_an_indented_line_that_comes_too_late_is_stamped_apart() -> None:
    log = Log()
    log.append((10, b"a"))
    log.clock.looks += int(SETTLE_SECONDS)
    log.append((11, b""), (12, b" b"), (13, b" c"))

    assert log.stamps() == [10, 11, 11 + JOIN_MS, 13]


@pytest.mark.parametrize("late", [(12, b"b"), (5000, b" b"), (12, b"")])
def test_what_would_not_join_keeps_its_stamp(late: tuple[int, bytes]) -> None:
    log = Log()
    log.append((10, b"a"))
    log.clock.looks += int(SETTLE_SECONDS)
    log.append(late)

    assert log.stamps() == [10, late[0]]


def test_after_a_restart_what_was_stored_counts_as_shown() -> None:
    log = Log()
    log.append((10, b"a"))
    log.restart()

    assert not log.is_settled()
    log.append((11, b" b"))
    assert log.stamps() == [10, 11 + JOIN_MS]


def test_a_log_that_ends_with_a_process_settles_in_the_next() -> None:
    log = Log()
    log.append((10, b"a"))
    log.restart()
    log.clock.looks += int(SETTLE_SECONDS)

    assert log.is_settled()


def test_every_append_has_a_number_of_its_own_even_one_that_fails() -> None:
    log = Log()
    numbers = [log.settling.newest_append(log.job_id, 0)]
    log.append((10, b"a"))
    numbers.append(log.settling.newest_append(log.job_id, 0))
    with pytest.raises(StaleJob):
        log.settling.append(log.job_id, 0, [], LogCursor(next_seq=7))
    numbers.append(log.settling.newest_append(log.job_id, 0))

    assert len(set(numbers)) == 3
    assert not log.is_settled()


def test_logs_that_have_settled_may_be_forgotten() -> None:
    log = Log()
    log.append((10, b"a"))
    log.clock.looks += int(SETTLE_SECONDS)
    for number in range(KEPT_ACTIVITIES + 2):
        with pytest.raises(StaleJob):
            log.settling.append(log.job_id, 0, [], LogCursor(next_seq=99))
        add = add_instance(log.jobs, f"job-{number}")
        log.settling.append(add, 0, [], LogCursor())
        log.clock.looks += int(SETTLE_SECONDS)

    assert log.settling.is_settled(JobId(log.job_id), 0)
    log.append((11, b" b"))
    assert log.stamps() == [10, 11 + JOIN_MS]
