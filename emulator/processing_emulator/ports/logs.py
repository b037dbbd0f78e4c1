"""The store of CloudWatch Logs: groups, streams, and the events of streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import LogEvent, StoredEvent
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group. `stored_bytes` is what the service counts for the events of its streams."""

    key: LogGroupKey
    created_at_ms: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """A log stream. Times are milliseconds; `next_seq` is the number that the next event will get."""

    id: LogStreamId
    name: str
    created_at_ms: int
    first_event_at_ms: int
    last_event_at_ms: int
    last_ingested_at_ms: int
    stored_bytes: int
    next_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamQuery:
    """Which streams of a group to list, ordered by name or, `by_time`, by their last event.

    `after` continues after the last stream of the previous page: its (`last_event_at_ms`, or 0 by name; name).
    """

    group: LogGroupKey
    limit: int
    prefix: str = ""
    by_time: bool = False
    descending: bool = False
    after: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPage:
    """`last` is None when nothing follows."""

    streams: tuple[LogStream, ...]
    last: tuple[int, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBatch:
    """Events made from the lines of a container's log that lie between two cursors."""

    events: Sequence[LogEvent]
    read_from: LogCursor
    read_to: LogCursor
    ingested_at_ms: int


class LogStore(Protocol):
    """Events of streams in order, numbered from 0. Their times never go back. Built for millions of events."""

    def append_output(self, job_id: JobId, index: int, batch: OutputBatch) -> None:
        """Store events of an instance's output and move its cursor, in one transaction.

        The first event makes the instance's stream, and the first stream its group. A stream is named after the
        second in which the job started, or after the next second whose name is free. Raises StaleJob when the stored
        cursor is not at `batch.read_from`, because another writer has moved it, and JobNotFound.
        """
        ...

    def read(
        self, stream: LogStreamId, seq: int, *, forward: bool, limit: int, most_bytes: int
    ) -> Sequence[StoredEvent]:
        """A page of events in order: those from `seq` on, or, not `forward`, the last ones before `seq`.

        At most `limit` events that together count at most `most_bytes`, but at least one if there is one.
        """
        ...

    def find_time(self, stream: LogStreamId, at_ms: int) -> int | None:
        """The number of the first event at or after a time; None when all events are earlier."""
        ...

    def list_groups(self, account: str, region: str) -> Sequence[LogGroup]:
        """The groups of an account and region, by name."""
        ...

    def has_group(self, key: LogGroupKey) -> bool:
        """Whether there is such a group."""
        ...

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """One page of streams, including those of deleted jobs; none for an unknown group."""
        ...

    def streams_between(
        self, group: LogGroupKey, prefix: str, start_ms: int, end_ms: int | None
    ) -> Sequence[LogStream]:
        """All streams of that prefix whose time from the first to the last event meets start_ms <= at_ms < end_ms."""
        ...

    def find_stream(self, group: LogGroupKey, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        ...

    def output_stream(self, job_id: JobId, index: int) -> LogStream | None:
        """The stream of an instance; None until it has printed something."""
        ...
