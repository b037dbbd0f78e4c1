"""The tables of jobs. Moments are integer milliseconds UTC; the rules of `domain.phase` are repeated as constraints.

Options with the prefix `sqlite_` are ignored by other databases.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Case,
    CheckConstraint,
    Column,
    Computed,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    case,
    event,
    literal,
    or_,
)

from processing_emulator.adapters.sql_store.metadata import Id, Name, metadata
from processing_emulator.domain.phase import JobPhase, status_of

TERMINAL_PHASES = [phase.value for phase in JobPhase if phase.is_terminal]

_phase: Column[str] = Column("phase", String, nullable=False)
_stop_requested_at: Column[int] = Column("stop_requested_at_ms", BigInteger)
_ended_at: Column[int] = Column("ended_at_ms", BigInteger)
_kept_until: Column[int] = Column("kept_until_ms", BigInteger)


def _status_expression() -> Case[str]:
    """`status_of` as an expression, so that the stored status cannot differ from phase and request to stop."""
    return case(
        *(
            (
                and_(_phase == phase.value, _stop_requested_at.is_not(None) if stop else _stop_requested_at.is_(None)),
                literal(status_of(phase, stop_requested=stop).value),
            )
            for phase in JobPhase
            for stop in (False, True)
        )
    )


jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("name", Name, nullable=False),
    Column("folded_name", Name, nullable=False),
    _phase,
    Column("created_at_ms", BigInteger, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger),
    Column("started_boot_id", String),
    Column("started_uptime_seconds", Double),
    _ended_at,
    _stop_requested_at,
    Column("status", String, Computed(_status_expression(), persisted=True), nullable=False),
    Column("failure_reason", Text),
    Column("exit_message", Text),
    # What the request asks for first, and what was selected from its InstancePreferences.
    Column("instance_type", String, nullable=False),
    Column("instance_count", Integer, nullable=False),
    Column("selected_type", String),
    Column("selected_count", Integer),
    Column("deleted_at_ms", BigInteger),
    _kept_until,
    CheckConstraint(_phase.in_([phase.value for phase in JobPhase]), name="phase_is_known"),
    CheckConstraint(
        or_(_ended_at.is_not(None), _phase.in_([phase.value for phase in JobPhase if not phase.is_terminal])),
        name="terminal_phase_has_end",
    ),
    sqlite_autoincrement=True,  # the id of a removed job is never given to another
)
_OWNER = (jobs.c.account, jobs.c.region)
_NOT_DELETED = jobs.c.deleted_at_ms.is_(None)
_KEPT = jobs.c.kept_until_ms.is_not(None)


def _index(name: str, *columns: Column[Any], unique: bool = False) -> Index:
    """An index of the jobs that are not deleted: the name of a deleted job is free again."""
    return Index(name, *columns, unique=unique, sqlite_where=_NOT_DELETED)


# One index for each sort key, and one for each together with a status; `listing` depends on them. The unfinished jobs
# of all accounts are found by their status, so it comes first there.
JOB_INDEXES = (
    _index("jobs_by_folded_name", *_OWNER, jobs.c.folded_name, unique=True),
    _index("jobs_by_creation", *_OWNER, jobs.c.created_at_ms, jobs.c.id),
    _index("jobs_by_status_name", *_OWNER, jobs.c.status, jobs.c.name),
    _index("jobs_by_status_creation", jobs.c.status, *_OWNER, jobs.c.created_at_ms, jobs.c.id),
    Index("jobs_kept", jobs.c.kept_until_ms, sqlite_where=_KEPT),
)


@event.listens_for(jobs, "before_create")
def _leave_rows_out_on_postgresql(_table: Table, connection: Connection, **_options: Any) -> None:
    """Not an argument of `Index`, because SQLAlchemy would load its whole PostgreSQL dialect when this is imported."""
    if connection.dialect.name == "postgresql":
        for index in JOB_INDEXES:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


# With the deleted ones, whose logs are still found by name.
Index("jobs_by_name", *_OWNER, jobs.c.name, jobs.c.id, jobs.c.deleted_at_ms)

Index("jobs_by_end", jobs.c.ended_at_ms)

job_requests = Table(
    # Apart from the job, so that a listing that must look at many jobs reads narrow rows.
    "job_requests",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True, autoincrement=False),
    Column("request", JSON, nullable=False),
)

job_tags = Table(
    "job_tags",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True),
    Column("key", Name, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

job_events = Table(
    # Ids are in the order in which events become visible; see `event_store`. Phase and status are those of the job
    # when the event was stored.
    "job_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("job_id", Id, ForeignKey("jobs.id"), nullable=False),
    Column("phase", String, nullable=False),
    Column("status", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("action", String, nullable=False),
    Column("detail", JSON, nullable=False),
    sqlite_autoincrement=True,  # a reader that remembers an id after a reset must not miss what comes later
)
Index("job_events_by_job", job_events.c.job_id, job_events.c.id)

instances = Table(
    "instances",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True),
    Column("instance_index", Integer, primary_key=True),
    Column("node", String, nullable=False),
    Column("vcpus", Double, nullable=False),
    Column("reserved_vcpus", Double, nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("gpu_ids", JSON, nullable=False),
    Column("volume_bytes", BigInteger, nullable=False),
    Column("capped", Boolean, nullable=False),
    Column("container_id", String),
    Column("container_started_at_ms", BigInteger),
    Column("cursor_newest_ns", BigInteger, nullable=False, default=0),
    Column("cursor_lines_in_second", BigInteger, nullable=False, default=0),
    Column("cursor_lines_in_newest", BigInteger, nullable=False, default=0),
    Column("cursor_lines", BigInteger, nullable=False, default=0),
    Column("exit_code", Integer),
    Column("exit_out_of_memory", Boolean),
    Column("exit_message", Text),
    Column("failure_kind", String),
    Column("failure_text", Text),
    Column("stop_cause", String),
    Column("memory_high_water_bytes", BigInteger),
    Column("staged_in_objects", BigInteger),
    Column("staged_in_bytes", BigInteger),
    Column("staged_in_seconds", Double),
    Column("staged_out_objects", BigInteger),
    Column("staged_out_bytes", BigInteger),
    Column("staged_out_seconds", Double),
    CheckConstraint("instance_index >= 0", name="instance_index_counts_from_zero"),
)
