"""A working LogStore in memory, for the instances of a job store."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from processing_emulator.domain.job import JobId
from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, StoredEvent, first_page, utf8_bytes
from processing_emulator.domain.log_names import (
    PROCESSING_JOBS_GROUP,
    LogGroupKey,
    LogStreamId,
    output_stream_name,
)
from processing_emulator.errors import StaleJob
from processing_emulator.ports import LogGroup, LogStream, OutputBatch, StreamPage, StreamQuery
from tests.fakes.job_store import MemoryJobStore


@dataclass
class _Stream:
    id: LogStreamId
    group: LogGroupKey
    name: str
    created_at_ms: int
    events: list[StoredEvent] = field(default_factory=list)

    @property
    def stored_bytes(self) -> int:
        return sum(utf8_bytes(event.message) + EVENT_OVERHEAD_BYTES for event in self.events)

    def listed(self) -> LogStream:
        return LogStream(
            id=self.id,
            name=self.name,
            created_at_ms=self.created_at_ms,
            first_event_at_ms=self.events[0].at_ms,
            last_event_at_ms=self.events[-1].at_ms,
            last_ingested_at_ms=self.events[-1].ingested_at_ms,
            stored_bytes=self.stored_bytes,
            next_seq=len(self.events),
        )


class MemoryLogStore:
    """Implements `ports.LogStore` for the instances of a job store."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._ids = count(1)
        self._groups: dict[LogGroupKey, int] = {}
        self._streams: dict[LogStreamId, _Stream] = {}
        self._outputs: dict[tuple[JobId, int], LogStreamId] = {}
        for belongings in (self._groups, self._streams, self._outputs):
            jobs.own(belongings)

    def append_output(self, job_id: JobId, index: int, batch: OutputBatch) -> None:
        """See the port."""
        with self._jobs.transaction():
            stored = self._jobs.get_instance(job_id, index).cursor.lines
            if stored != batch.read_from.lines:
                raise StaleJob(f"Instance {index} of job {job_id} has {stored} lines stored.")
            self._jobs.save_cursor(job_id, index, batch.read_to)
            if not batch.events:
                return
            if (job_id, index) not in self._outputs:
                self._make_output_stream(job_id, index, batch.events[0].at_ms)
            events = self._streams[self._outputs[job_id, index]].events
            events += [
                StoredEvent(seq, event.at_ms, batch.ingested_at_ms, event.message)
                for seq, event in enumerate(batch.events, len(events))
            ]

    def read(
        self, stream: LogStreamId, seq: int, *, forward: bool, limit: int, most_bytes: int
    ) -> Sequence[StoredEvent]:
        """See the port."""
        with self._jobs.transaction():
            events = self._streams[stream].events if stream in self._streams else []
            if forward:
                return first_page(events[max(0, seq) :], max(0, limit), most_bytes)
            return first_page(events[: max(0, seq)][::-1], max(0, limit), most_bytes)[::-1]

    def find_time(self, stream: LogStreamId, at_ms: int) -> int | None:
        """See the port."""
        with self._jobs.transaction():
            events = self._streams[stream].events if stream in self._streams else []
            return next((event.seq for event in events if event.at_ms >= at_ms), None)

    def list_groups(self, account: str, region: str) -> Sequence[LogGroup]:
        """See the port."""
        with self._jobs.transaction():
            return [
                LogGroup(
                    key=key,
                    created_at_ms=created_at_ms,
                    stored_bytes=sum(stream.stored_bytes for stream in self._streams_of(key)),
                )
                for key, created_at_ms in sorted(self._groups.items())
                if (key.account, key.region) == (account, region)
            ]

    def has_group(self, key: LogGroupKey) -> bool:
        """See the port."""
        with self._jobs.transaction():
            return key in self._groups

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """See the port."""
        with self._jobs.transaction():
            found = [stream.listed() for stream in self._streams_of(query.group)]
        found = [stream for stream in found if stream.name.startswith(query.prefix)]
        found.sort(key=lambda stream: _position(stream, query), reverse=query.descending)
        if query.after is not None:
            is_after = operator.lt if query.descending else operator.gt
            found = [stream for stream in found if is_after(_position(stream, query), query.after)]
        page = found[: max(0, query.limit)]
        more = bool(page) and len(found) > len(page)
        return StreamPage(streams=tuple(page), last=_position(page[-1], query) if more else None)

    def streams_between(
        self, group: LogGroupKey, prefix: str, start_ms: int, end_ms: int | None
    ) -> Sequence[LogStream]:
        """See the port."""
        with self._jobs.transaction():
            found = [stream.listed() for stream in self._streams_of(group) if stream.name.startswith(prefix)]
        return [
            stream
            for stream in found
            if stream.next_seq
            and stream.last_event_at_ms >= start_ms
            and (end_ms is None or stream.first_event_at_ms < end_ms)
        ]

    def find_stream(self, group: LogGroupKey, name: str) -> LogStream | None:
        """See the port."""
        with self._jobs.transaction():
            return next((stream.listed() for stream in self._streams_of(group) if stream.name == name), None)

    def output_stream(self, job_id: JobId, index: int) -> LogStream | None:
        """See the port."""
        with self._jobs.transaction():
            stream = self._outputs.get((job_id, index))
            return None if stream is None else self._streams[stream].listed()

    def _streams_of(self, group: LogGroupKey) -> list[_Stream]:
        return [stream for stream in self._streams.values() if stream.group == group]

    def _make_output_stream(self, job_id: JobId, index: int, at_ms: int) -> None:
        job = self._jobs.get(job_id)
        group = LogGroupKey(job.key.account, job.key.region, PROCESSING_JOBS_GROUP)
        self._groups.setdefault(group, at_ms)
        taken = {stream.name for stream in self._streams_of(group)}
        started = int((job.started_at or job.created_at).timestamp())
        names = (output_stream_name(job.key.name, index, second) for second in count(started))
        stream = LogStreamId(next(self._ids))
        self._streams[stream] = _Stream(stream, group, next(name for name in names if name not in taken), at_ms)
        self._outputs[job_id, index] = stream


def _position(stream: LogStream, query: StreamQuery) -> tuple[int, str]:
    return (stream.last_event_at_ms if query.by_time else 0), stream.name
