"""StartQuery and what follows: queries of Logs Insights run in their own threads, within bounds of time and memory."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, utf8_bytes
from processing_emulator.domain.log_insights.query import Query, parse_query
from processing_emulator.domain.log_insights.values import Moment, Row
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId
from processing_emulator.errors import LogNotFound, QueryTooLarge, StoreFailure, TooManyQueries, ValidationFailed
from processing_emulator.logs.filtering import event_id
from processing_emulator.logs.merged_events import MergedPlace, TimeRange, merged_events
from processing_emulator.logs.reading import require_group
from processing_emulator.ports import Clock, LogStore, LogStream

logger = logging.getLogger(__name__)

MOST_RUNNING = 8
MOST_KEPT = 16
"""Queries that run at once, and queries whose results are kept; the oldest are forgotten."""

_LOOK_AT_CLOCK = 500
"""Events between two looks at the clock and at a stop."""

ResultRow = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryBounds:
    """What a query may take; one that takes more ends as `Timeout` or `Failed`."""

    seconds: float = 120.0
    result_bytes: int = 32 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """What to run: start_ms <= time < end_ms."""

    groups: Sequence[LogGroupKey]
    text: str
    start_ms: int
    end_ms: int
    limit: int | None = None


@dataclass(slots=True, kw_only=True)
class LogQuery:
    """A query and how far it is. `status` is the service's word; `rows` are complete when it is `Complete`."""

    id: str
    request: QueryRequest
    created_at_ms: int
    status: str = "Running"
    rows: Sequence[ResultRow] = ()
    scanned: int = 0
    scanned_bytes: int = 0
    matched: int = 0
    stop_requested: threading.Event = field(default_factory=threading.Event)


class _Ended(Exception):
    """The query ends with this status before everything was searched."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class LogQueries:
    """The queries of all accounts and regions, kept in memory until the server ends."""

    def __init__(self, logs: LogStore, clock: Clock, bounds: QueryBounds | None = None) -> None:
        self._logs = logs
        self._clock = clock
        self._bounds = bounds or QueryBounds()
        self._lock = threading.Lock()
        self._queries: dict[str, LogQuery] = {}

    def start(self, request: QueryRequest) -> LogQuery:
        """Begin a query. Raises QueryMalformed, LogNotFound, TooManyQueries."""
        query = parse_query(request.text, request.limit)
        for group in request.groups:
            require_group(self._logs, group)
        entry = LogQuery(id=str(uuid4()), request=request, created_at_ms=int(self._clock.now().timestamp() * 1000))
        with self._lock:
            self._make_room()
            self._queries[entry.id] = entry
        threading.Thread(target=self._run, args=(entry, query), name="log-query", daemon=True).start()
        return entry

    def find(self, account: str, region: str, query_id: str) -> LogQuery:
        """A query of that account and region. Raises LogNotFound."""
        with self._lock:
            entry = self._queries.get(query_id)
        if entry is None or not self._is_of(entry, account, region):
            raise LogNotFound(f"Query {query_id[:64]} does not exist.")
        return entry

    def stop(self, account: str, region: str, query_id: str) -> None:
        """End a query that runs. Raises LogNotFound, ValidationFailed when it has ended."""
        entry = self.find(account, region, query_id)
        with self._lock:
            if entry.status != "Running":
                raise ValidationFailed(f"Query {query_id} is not running.")
            entry.status = "Cancelled"
        entry.stop_requested.set()

    def described(self, account: str, region: str) -> Sequence[LogQuery]:
        """The queries of an account and region, the latest first."""
        with self._lock:
            entries = list(self._queries.values())
        return [entry for entry in reversed(entries) if self._is_of(entry, account, region)]

    def _is_of(self, entry: LogQuery, account: str, region: str) -> bool:
        """A query is not found while the first of its groups is not there, as after a reset."""
        group = entry.request.groups[0]
        return group[:2] == (account, region) and self._logs.has_group(group)

    def _make_room(self) -> None:
        if sum(entry.status == "Running" for entry in self._queries.values()) >= MOST_RUNNING:
            raise TooManyQueries(f"{MOST_RUNNING} queries are running already; wait for one to end, or stop one.")
        ended = [query_id for query_id, entry in self._queries.items() if entry.status != "Running"]
        for query_id in ended[: max(0, len(self._queries) - MOST_KEPT + 1)]:
            del self._queries[query_id]

    def _run(self, entry: LogQuery, query: Query) -> None:
        status, rows = "Complete", list[ResultRow]()
        try:
            rows = self._rows(entry, query)
        except _Ended as ended:
            status = ended.status
        except (QueryTooLarge, StoreFailure) as error:
            status = "Failed"
            logger.warning("log query failed", extra={"query_id": entry.id, "error": str(error)})
        except Exception:
            status = "Failed"
            logger.exception("log query failed", extra={"query_id": entry.id})
        with self._lock:
            if entry.status == "Running":
                entry.status, entry.rows = status, rows

    def _rows(self, entry: LogQuery, query: Query) -> list[ResultRow]:
        rows: list[ResultRow] = []
        size = 0

        def count_match() -> None:
            entry.matched += 1

        for row in query.run(self._events(entry), count_match):
            rows.append(query.result(row))
            size += sum(len(name) + utf8_bytes(value) for name, value in rows[-1])
            if size > self._bounds.result_bytes:
                raise QueryTooLarge(f"the results are larger than {self._bounds.result_bytes} bytes")
        return rows

    def _events(self, entry: LogQuery) -> Iterator[Row]:
        """The events of the groups as rows, the latest first. Raises _Ended."""
        request, ends_at = entry.request, time.monotonic() + self._bounds.seconds
        group_of: dict[LogStreamId, LogGroupKey] = {}
        streams: list[LogStream] = []
        for group in dict.fromkeys(request.groups):
            found = self._logs.streams_between(group, "", request.start_ms, request.end_ms)
            streams += found
            group_of.update({stream.id: group for stream in found})
        times = TimeRange(request.start_ms, request.end_ms, forward=False)
        for stream, event, nth in merged_events(self._logs, streams, times):
            if entry.scanned % _LOOK_AT_CLOCK == 0:
                if entry.stop_requested.is_set():
                    raise _Ended("Cancelled")
                if time.monotonic() > ends_at:
                    raise _Ended("Timeout")
            entry.scanned += 1
            entry.scanned_bytes += utf8_bytes(event.message) + EVENT_OVERHEAD_BYTES
            group = group_of[stream.id]
            yield Row(
                {
                    "@timestamp": Moment(event.at_ms),
                    "@message": event.message,
                    "@logStream": stream.name,
                    "@log": f"{group.account}:{group.name}",
                    "@ingestionTime": Moment(event.ingested_at_ms),
                    "@ptr": event_id(MergedPlace(event.at_ms, stream.id, nth)),
                }
            )
