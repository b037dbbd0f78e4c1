"""A working LogStore in memory, for the instances of a job store."""

import operator
from collections import defaultdict
from collections.abc import Sequence

from processing_emulator.domain.job import (
    JobId,
    LogCursor,
    ProcessingJob,
)
from processing_emulator.domain.log_events import LogLine
from processing_emulator.errors import (
    InternalBug,
    StaleJob,
)
from processing_emulator.ports import LogStream, RawLine, StreamPage, StreamQuery

from tests.fakes.job_store import MemoryJobStore


class MemoryLogStore:
    """Implements `ports.LogStore` for the instances of a job store."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._lines: defaultdict[tuple[JobId, int], list[LogLine]] = defaultdict(list)
        jobs.own(self._lines)

    def append(self, job_id: JobId, index: int, lines: Sequence[RawLine], cursor: LogCursor) -> None:
        """See the port. Raises JobNotFound too, and InternalBug for a line with a newline in it."""
        with self._jobs.transaction():
            stored = self._jobs.get_instance(job_id, index).cursor.next_seq
            expected = cursor.next_seq - len(lines)
            if stored != expected:
                raise StaleJob(f"Instance {index} of job {job_id} has {stored} lines stored, not {expected}.")
            if any(b"\n" in line.data for line in lines):
                raise InternalBug("A line of output has a newline in it.")
            self._jobs.save_cursor(job_id, index, cursor)
            self._lines[job_id, index] += [
                LogLine(seq=seq, at_ms=line.at_ns // 1_000_000, data=line.data)
                for seq, line in enumerate(lines, stored)
            ]

    def read(self, job_id: JobId, index: int, from_seq: int, limit: int) -> Sequence[LogLine]:
        """See the port."""
        start = max(0, from_seq)
        with self._jobs.transaction():
            return self._lines[job_id, index][start : start + max(0, limit)]

    def find_since(self, job_id: JobId, index: int, at_ms: int) -> int | None:
        """See the port."""
        with self._jobs.transaction():
            return next((line.seq for line in self._lines[job_id, index] if line.at_ms >= at_ms), None)

    def latest_before(self, job_id: JobId, index: int, seq: int) -> int:
        """See the port."""
        with self._jobs.transaction():
            return max((line.at_ms for line in self._lines[job_id, index][: max(0, seq)]), default=0)

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """See the port."""
        found = [
            stream for stream in self._streams(query.account, query.region) if stream.name.startswith(query.prefix)
        ]
        found.sort(key=lambda stream: _stream_position(stream, query), reverse=query.descending)
        if query.after is not None:
            beyond = operator.lt if query.descending else operator.gt
            found = [stream for stream in found if beyond(_stream_position(stream, query), query.after)]
        page = found[: max(0, query.limit)]
        more = bool(page) and len(found) > len(page)
        return StreamPage(streams=tuple(page), last=_stream_position(page[-1], query) if more else None)

    def find_stream(self, account: str, region: str, name: str) -> LogStream | None:
        """See the port."""
        return next((stream for stream in reversed(self._streams(account, region)) if stream.name == name), None)

    def first_stream(self, account: str, region: str) -> LogStream | None:
        """See the port."""
        return next(iter(self._streams(account, region)), None)

    def _streams(self, account: str, region: str) -> list[LogStream]:
        with self._jobs.transaction():
            logs = [(self._jobs.get(job_id), index, lines) for (job_id, index), lines in sorted(self._lines.items())]
        return [
            _stream(job, index, lines)
            for job, index, lines in logs
            if lines and (job.key.account, job.key.region) == (account, region)
        ]


def _stream(job: ProcessingJob, index: int, lines: Sequence[LogLine]) -> LogStream:
    started = job.started_at or job.created_at
    return LogStream(
        job_id=job.id,
        index=index,
        name=f"{job.key.name}/algo-{index + 1}-{int(started.timestamp())}",
        lines=len(lines),
        first_at_ms=min(line.at_ms for line in lines),
        last_at_ms=max(line.at_ms for line in lines),
        ended=job.phase.is_terminal,
    )


def _stream_position(stream: LogStream, query: StreamQuery) -> tuple[int, str]:
    return (stream.last_at_ms if query.by_time else 0), stream.name
