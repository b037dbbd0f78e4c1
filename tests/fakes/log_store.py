"""A working LogStore in memory, for the instances of a job store."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from processing_emulator.domain.job import JobId
from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, LogEvent, StoredEvent, first_page, utf8_bytes
from processing_emulator.domain.log_names import (
    PROCESSING_JOBS_GROUP,
    LogGroupKey,
    LogStreamId,
    output_stream_name,
)
from processing_emulator.errors import LogExists, LogNotFound, StaleJob
from processing_emulator.ports import LogGroup, LogStream, OutputBatch, StreamPage, StreamQuery
from processing_emulator.ports.logs import STANDARD_CLASS, Tags
from tests.fakes.job_store import MemoryJobStore


@dataclass
class _Stream:
    id: LogStreamId
    group: LogGroupKey
    name: str
    created_at_ms: int
    events: list[StoredEvent] = field(default_factory=list)
    next_seq: int = 0
    last_ms: int = 0
    last_ingested_at_ms: int = 0

    @property
    def stored_bytes(self) -> int:
        return sum(utf8_bytes(event.message) + EVENT_OVERHEAD_BYTES for event in self.events)

    def add(self, events: Sequence[LogEvent], ingested_at_ms: int) -> None:
        """Put each event where its time belongs, and number all that are left of the stream."""
        first = self.next_seq - len(self.events)
        added = [StoredEvent(0, event.at_ms, ingested_at_ms, event.message) for event in events]
        ordered = sorted([*self.events, *added], key=lambda event: event.at_ms)
        self.events = [event._replace(seq=seq) for seq, event in enumerate(ordered, first)]
        self.next_seq += len(added)
        self.last_ms = max(self.last_ms, added[-1].at_ms)
        self.last_ingested_at_ms = max(self.last_ingested_at_ms, ingested_at_ms)

    def listed(self) -> LogStream:
        return LogStream(
            id=self.id,
            name=self.name,
            created_at_ms=self.created_at_ms,
            first_event_at_ms=self.events[0].at_ms if self.events else self.last_ms,
            last_event_at_ms=self.last_ms,
            last_ingested_at_ms=self.last_ingested_at_ms,
            stored_bytes=self.stored_bytes,
            next_seq=self.next_seq,
        )


@dataclass
class _Group:
    created_at_ms: int
    log_class: str = STANDARD_CLASS
    tags: Tags = field(default_factory=dict)
    retention_days: int | None = None


class MemoryLogStore:
    """Implements `ports.LogStore` for the instances of a job store."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._ids = count(1)
        self._groups: dict[LogGroupKey, _Group] = {}
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
            self._streams[self._outputs[job_id, index]].add(batch.events, batch.ingested_at_ms)

    def forget_outputs(self, job_id: JobId) -> None:
        """Remove the streams of a job's instances."""
        for key in [key for key in self._outputs if key[0] == job_id]:
            del self._streams[self._outputs.pop(key)]

    def put_events(self, group: LogGroupKey, name: str, events: Sequence[LogEvent], ingested_at_ms: int) -> None:
        """See the port."""
        with self._jobs.transaction():
            if events:
                self._required_stream(group, name).add(events, ingested_at_ms)

    def create_group(self, key: LogGroupKey, at_ms: int, *, log_class: str = STANDARD_CLASS, tags: Tags) -> None:
        """See the port."""
        with self._jobs.transaction():
            if key in self._groups:
                raise LogExists("The specified log group already exists")
            self._groups[key] = _Group(at_ms, log_class, dict(tags))

    def create_stream(self, group: LogGroupKey, name: str, at_ms: int) -> None:
        """See the port."""
        with self._jobs.transaction():
            self._required_group(group)
            if any(stream.name == name for stream in self._streams_of(group)):
                raise LogExists("The specified log stream already exists")
            self._add_stream(group, name, at_ms)

    def delete_group(self, key: LogGroupKey) -> None:
        """See the port."""
        with self._jobs.transaction():
            self._required_group(key)
            for stream in self._streams_of(key):
                self._delete(stream)
            del self._groups[key]

    def delete_stream(self, group: LogGroupKey, name: str) -> None:
        """See the port."""
        with self._jobs.transaction():
            self._delete(self._required_stream(group, name))

    def set_retention(self, key: LogGroupKey, days: int | None) -> None:
        """See the port."""
        with self._jobs.transaction():
            self._required_group(key).retention_days = days

    def edit_tags(self, key: LogGroupKey, edit: Callable[[Tags], Tags]) -> None:
        """See the port."""
        with self._jobs.transaction():
            group = self._required_group(key)
            group.tags = dict(edit(group.tags))

    def tags(self, key: LogGroupKey) -> Tags:
        """See the port."""
        with self._jobs.transaction():
            return dict(self._required_group(key).tags)

    def retention_days(self, key: LogGroupKey) -> int | None:
        """See the port."""
        return self.retentions().get(key)

    def retentions(self) -> Mapping[LogGroupKey, int]:
        """See the port."""
        with self._jobs.transaction():
            kept = ((key, group.retention_days) for key, group in self._groups.items())
            return {key: days for key, days in kept if days is not None}

    def delete_events_before(self, key: LogGroupKey, at_ms: int) -> int:
        """See the port."""
        with self._jobs.transaction():
            return _delete_before(at_ms, self._streams_of(key))

    def first_put_at_ms(self) -> int | None:
        """See the port."""
        with self._jobs.transaction():
            return min((event.at_ms for stream in self._put_streams() for event in stream.events), default=None)

    def delete_put_events_before(self, at_ms: int) -> int:
        """See the port."""
        with self._jobs.transaction():
            return _delete_before(at_ms, self._put_streams())

    def _put_streams(self) -> list[_Stream]:
        return [stream for stream in self._streams.values() if stream.id not in self._outputs.values()]

    def read(
        self, stream: LogStreamId, seq: int, *, forward: bool, limit: int, most_bytes: int
    ) -> Sequence[StoredEvent]:
        """See the port."""
        with self._jobs.transaction():
            events = self._streams[stream].events if stream in self._streams else []
            if forward:
                behind = [event for event in events if event.seq >= seq]
                return first_page(behind, max(0, limit), most_bytes)
            before = [event for event in reversed(events) if event.seq < seq]
            return first_page(before, max(0, limit), most_bytes)[::-1]

    def find_time(self, stream: LogStreamId, at_ms: int) -> int | None:
        """See the port."""
        with self._jobs.transaction():
            events = self._streams[stream].events if stream in self._streams else []
            return next((event.seq for event in events if event.at_ms >= at_ms), None)

    def list_groups(self, account: str, region: str) -> Sequence[LogGroup]:
        """See the port."""
        with self._jobs.transaction():
            return [
                self._listed_group(key)
                for key in sorted(self._groups)
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

    def streams_ingested_since(self, group: LogGroupKey, at_ms: int) -> Sequence[LogStream]:
        """See the port."""
        with self._jobs.transaction():
            found = [stream.listed() for stream in self._streams_of(group)]
        return [stream for stream in found if stream.next_seq and stream.last_ingested_at_ms >= at_ms]

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

    def _listed_group(self, key: LogGroupKey) -> LogGroup:
        group = self._groups[key]
        return LogGroup(
            key=key,
            created_at_ms=group.created_at_ms,
            stored_bytes=sum(stream.stored_bytes for stream in self._streams_of(key)),
            retention_days=group.retention_days,
            log_class=group.log_class,
        )

    def _required_group(self, key: LogGroupKey) -> _Group:
        if key not in self._groups:
            raise LogNotFound("The specified log group does not exist.")
        return self._groups[key]

    def _required_stream(self, group: LogGroupKey, name: str) -> _Stream:
        self._required_group(group)
        for stream in self._streams_of(group):
            if stream.name == name:
                return stream
        raise LogNotFound("The specified log stream does not exist.")

    def _add_stream(self, group: LogGroupKey, name: str, at_ms: int) -> LogStreamId:
        stream = LogStreamId(next(self._ids))
        self._streams[stream] = _Stream(stream, group, name, at_ms)
        return stream

    def _delete(self, stream: _Stream) -> None:
        del self._streams[stream.id]
        for output in [output for output, id_ in self._outputs.items() if id_ == stream.id]:
            del self._outputs[output]

    def _make_output_stream(self, job_id: JobId, index: int, at_ms: int) -> None:
        job = self._jobs.get(job_id)
        group = LogGroupKey(job.key.account, job.key.region, PROCESSING_JOBS_GROUP)
        self._groups.setdefault(group, _Group(at_ms))
        taken = {stream.name for stream in self._streams_of(group)}
        started = int((job.started_at or job.created_at).timestamp())
        names = (output_stream_name(job.key.name, index, second) for second in count(started))
        name = next(name for name in names if name not in taken)
        self._outputs[job_id, index] = self._add_stream(group, name, at_ms)


def _position(stream: LogStream, query: StreamQuery) -> tuple[int, str]:
    return (stream.last_event_at_ms if query.by_time else 0), stream.name


def _delete_before(at_ms: int, streams: Sequence[_Stream]) -> int:
    before = sum(stream.stored_bytes for stream in streams)
    for stream in streams:
        stream.events = [event for event in stream.events if event.at_ms >= at_ms]
    return before - sum(stream.stored_bytes for stream in streams)
