"""The store of what containers print, and where its streams are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from processing_emulator.domain.job import (
    JobId,
    LogCursor,
)
from processing_emulator.domain.log_events import LogLine


class RawLine(NamedTuple):
    """A line on its way into the store; `at_ns` is the engine's stamp. A tuple, because there are millions."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """The output of one instance that has printed something. Moments are milliseconds; `lines` counts what is stored.

    `name` is CloudWatch's: `<job>/algo-<n>-<second in which the job started>` (spec 5.1). `ended`: the job has ended,
    so no line will follow. Deleting a job leaves its streams.
    """

    job_id: JobId
    index: int
    name: str
    lines: int
    first_at_ms: int
    last_at_ms: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamQuery:
    """Which streams of one account and region to list, by name or, `by_time`, by their latest line.

    `after` continues behind the last stream of the page before: its (`last_at_ms`, or 0 by name; name).
    """

    account: str
    region: str
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


class LogStore(Protocol):
    """Every line of every instance, in order, numbered from 0. Built for millions: lines lie in packed chunks."""

    def append(self, job_id: JobId, index: int, lines: Sequence[RawLine], cursor: LogCursor) -> None:
        """Store lines behind the last ones and move the cursor, in one transaction.

        `cursor.next_seq` is the number of lines stored after this call. Raises StaleJob when somebody else wrote.
        """
        ...

    def read(self, job_id: JobId, index: int, from_seq: int, limit: int) -> Sequence[LogLine]:
        """At most `limit` lines from `from_seq` on."""
        ...

    def find_since(self, job_id: JobId, index: int, at_ms: int) -> int | None:
        """The number of the first line stamped at or after a moment; stamps may go back afterwards."""
        ...

    def latest_before(self, job_id: JobId, index: int, seq: int) -> int:
        """The latest stamp of all lines before that number, 0 when there are none."""
        ...

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """One page of streams, those of deleted jobs too."""
        ...

    def find_stream(self, account: str, region: str, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        ...

    def first_stream(self, account: str, region: str) -> LogStream | None:
        """The stream of the first job that printed something, None before that."""
        ...


class LogActivity(Protocol):
    """Tells whether a log has come to rest."""

    def newest_append(self, job_id: JobId, index: int) -> int:
        """A number that changes whenever an append to this log begins."""
        ...

    def is_settled(self, job_id: JobId, index: int) -> bool:
        """Whether no line that comes from now on will join the event that the last stored line belongs to."""
        ...
