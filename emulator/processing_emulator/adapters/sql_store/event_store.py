"""JobHistory and EventFeed on SQL.

The id of an event is its place in the feed. Transactions that write come one at a time (see `Database`), and each is
visible before the next begins, so ids become visible in their order: a reader that has seen an id has seen all below.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, bindparam, func, insert, select

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_lookup import require_job
from processing_emulator.adapters.sql_store.job_tables import job_events, jobs
from processing_emulator.adapters.sql_store.rows import event_columns, event_of, feed_event_of
from processing_emulator.domain.job import JobEvent, JobId
from processing_emulator.ports import FeedEvent

_REPORTED = [job_events.c.at_ms, job_events.c.action, job_events.c.detail]
_ADD_EVENT = insert(job_events).from_select(
    [job_events.c.job_id, job_events.c.phase, job_events.c.status, *_REPORTED],
    select(jobs.c.id, jobs.c.phase, jobs.c.status, *(bindparam(each.name, type_=each.type) for each in _REPORTED))
    .where(jobs.c.id.in_(bindparam("job_ids", expanding=True)))
    .order_by(jobs.c.id),
)


class SqlEventStore:
    """Implements `ports.JobHistory` and `ports.EventFeed`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakers: list[Callable[[], None]] = []
        self._wakers_lock = threading.Lock()

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """Append to the job's history, once. Raises JobNotFound."""
        with self._storing_events() as connection:
            require_job(connection, job_id)
            if not _is_stored(connection, job_id, event):
                store_event(connection, [job_id], event)

    def add_event_to_all(self, job_ids: Collection[JobId], event: JobEvent) -> None:
        """Append the same event to the history of each of these jobs that exists."""
        with self._storing_events() as connection:
            store_event(connection, job_ids, event)

    def list_events(self, job_id: JobId) -> Sequence[JobEvent]:
        """The job's history in order."""
        statement = select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id)
        with self._database.reading() as connection:
            return [event_of(row) for row in connection.execute(statement)]

    def events_after(self, event_id: int, limit: int, actions: Collection[str] | None = None) -> Sequence[FeedEvent]:
        """At most `limit` events with greater ids, in order of their ids; only those with one of the actions."""
        statement = (
            select(job_events, jobs.c.account, jobs.c.region, jobs.c.name)
            .join_from(job_events, jobs)
            .where(job_events.c.id > event_id)
            .order_by(job_events.c.id)
            .limit(max(0, limit))
        )
        if actions is not None:
            statement = statement.where(job_events.c.action.in_(actions))
        with self._database.reading() as connection:
            return [feed_event_of(row) for row in connection.execute(statement)]

    def last_event_id(self) -> int:
        """The id of the newest event, 0 when there is none."""
        newest = select(func.max(job_events.c.id))
        with self._database.reading() as connection:
            return connection.execute(newest).scalar_one() or 0

    def on_new_events(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each transaction of this process that stored events; the result ends that."""
        with self._wakers_lock:
            self._wakers.append(wake)

        def stop() -> None:
            with self._wakers_lock:
                if wake in self._wakers:
                    self._wakers.remove(wake)

        return stop

    @contextmanager
    def _storing_events(self) -> Iterator[Connection]:
        """A transaction that stores events; readers of the feed are woken after it."""
        with self._database.writing() as connection:
            yield connection
        with self._wakers_lock:
            wakers = list(self._wakers)
        for wake in wakers:
            wake()


def store_event(connection: Connection, job_ids: Collection[JobId], event: JobEvent) -> None:
    """Append an event to the history of each of these jobs that exists."""
    if job_ids:
        connection.execute(_ADD_EVENT, {"job_ids": list(job_ids), **event_columns(event)})


def _is_stored(connection: Connection, job_id: JobId, event: JobEvent) -> bool:
    """Whether the event was stored before: its writer may have missed the confirmation and reports it again."""
    columns = event_columns(event)
    alike = select(job_events.c.detail).where(
        job_events.c.job_id == job_id,
        job_events.c.at_ms == columns["at_ms"],
        job_events.c.action == columns["action"],
    )
    return columns["detail"] in connection.execute(alike).scalars().all()
