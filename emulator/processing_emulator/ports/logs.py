"""The store of CloudWatch Logs: groups, streams, and the events of streams."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import LogEvent, StoredEvent
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId

STANDARD_CLASS = "STANDARD"

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group. `stored_bytes` is what the service counts for the events of its streams.

    Events older than `retention_days` may be deleted; None: they never are. `log_class` is the service's word.
    """

    key: LogGroupKey
    created_at_ms: int
    stored_bytes: int
    retention_days: int | None = None
    log_class: str = STANDARD_CLASS


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """A log stream. Times are milliseconds; `next_seq` is the number that the next event will get.

    While `next_seq` is 0, the stream has had no event and the times of events mean nothing.
    """

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
    """Events of streams in the order of their times, numbered from 0. Built for millions of events.

    An event that is earlier than the last one of its stream gets its number by its time, behind those of the same time;
    the later ones are renumbered. Deleting the oldest events leaves the numbers of the others.
    """

    def append_output(self, job_id: JobId, index: int, batch: OutputBatch) -> None:
        """Store events of an instance's output and move its cursor, in one transaction.

        The first event makes the instance's stream, and the first stream its group. A stream is named after the
        second in which the job started, or after the next second whose name is free. Raises StaleJob when the stored
        cursor is not at `batch.read_from`, because another writer has moved it, and JobNotFound.
        """
        ...

    def put_events(self, group: LogGroupKey, name: str, events: Sequence[LogEvent], ingested_at_ms: int) -> None:
        """Store events of a client, whose times do not go back, in a stream that exists. Raises LogNotFound."""
        ...

    def create_group(self, key: LogGroupKey, at_ms: int, *, log_class: str = STANDARD_CLASS, tags: Tags) -> None:
        """Add a group. Raises LogExists."""
        ...

    def create_stream(self, group: LogGroupKey, name: str, at_ms: int) -> None:
        """Add a stream without events. Raises LogNotFound, LogExists."""
        ...

    def delete_group(self, key: LogGroupKey) -> None:
        """Delete a group with its streams and events. Raises LogNotFound.

        The next output of a running job makes the group and a stream again.
        """
        ...

    def delete_stream(self, group: LogGroupKey, name: str) -> None:
        """Delete a stream with its events. Raises LogNotFound. The next output of a running job makes it again."""
        ...

    def set_retention(self, key: LogGroupKey, days: int | None) -> None:
        """Set how long events are kept; None: for ever. Raises LogNotFound."""
        ...

    def edit_tags(self, key: LogGroupKey, edit: Callable[[Tags], Tags]) -> None:
        """Replace the tags of a group by what `edit` makes of them; what it raises goes through. Raises LogNotFound."""
        ...

    def tags(self, key: LogGroupKey) -> Tags:
        """The tags of a group. Raises LogNotFound."""
        ...

    def retention_days(self, key: LogGroupKey) -> int | None:
        """How long events of a group are kept; None for ever, and where there is no such group."""
        ...

    def retentions(self) -> Mapping[LogGroupKey, int]:
        """The groups of all accounts and regions whose events are not kept for ever, with their days."""
        ...

    def delete_events_before(self, key: LogGroupKey, at_ms: int) -> int:
        """Delete the events of a group that are earlier than a time; how many bytes they counted.

        The streams stay.
        """
        ...

    def first_put_at_ms(self) -> int | None:
        """The time of the oldest event of streams that clients made."""
        ...

    def delete_put_events_before(self, at_ms: int) -> int:
        """Delete events of streams that clients made, of all groups, as `delete_events_before` does."""
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

    def streams_ingested_since(self, group: LogGroupKey, at_ms: int) -> Sequence[LogStream]:
        """All streams of which an event was stored at or after a moment."""
        ...

    def find_stream(self, group: LogGroupKey, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        ...

    def output_stream(self, job_id: JobId, index: int) -> LogStream | None:
        """The stream of an instance; None until it has printed something."""
        ...
