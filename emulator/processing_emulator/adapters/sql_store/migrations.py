"""How a database made by an older emulator is brought to this schema: one step for each version, in order.

A step is written out, not derived from the tables, which goes on changing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlalchemy import Connection, text

from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION

_OWNER = "account, region"
_NOT_DELETED = "WHERE deleted_at_ms IS NULL"


def _delete_and_select(connection: Connection) -> None:
    """1 to 2: jobs can be deleted, which frees their name; what was selected from InstancePreferences is kept."""
    statements = [
        "ALTER TABLE jobs ADD COLUMN selected_type VARCHAR",
        "ALTER TABLE jobs ADD COLUMN selected_count INTEGER",
        "ALTER TABLE jobs ADD COLUMN deleted_at_ms BIGINT",
        f"CREATE INDEX jobs_by_any_name ON jobs ({_OWNER}, name, id)",
    ]
    for name, columns in (
        ("jobs_by_name", "name"),
        ("jobs_by_creation", "created_at_ms, id"),
        ("jobs_by_status", "status, id"),
        ("jobs_by_status_name", "status, name"),
        ("jobs_by_status_creation", "status, created_at_ms, id"),
    ):
        statements += [f"DROP INDEX {name}", f"CREATE INDEX {name} ON jobs ({_OWNER}, {columns}) {_NOT_DELETED}"]
    statements += [
        "DROP INDEX jobs_by_folded_name",
        f"CREATE UNIQUE INDEX jobs_by_folded_name ON jobs ({_OWNER}, folded_name) {_NOT_DELETED}",
    ]
    for statement in statements:
        connection.execute(text(statement))


def _write_less(connection: Connection) -> None:
    """2 to 3: one index of names for jobs deleted and not, no row for a job's first event, a view for new jobs."""
    for statement in (
        "DROP INDEX jobs_by_name",
        "DROP INDEX jobs_by_any_name",
        f"CREATE INDEX jobs_by_name ON jobs ({_OWNER}, name, id, deleted_at_ms)",
        "DELETE FROM job_events WHERE action = 'created'",
        """
        CREATE VIEW new_jobs AS
        SELECT id, account, region, name, folded_name, phase, created_at_ms AS at_ms, request, NULL AS tags
        FROM jobs JOIN job_requests ON job_id = id
        """,
        """
        CREATE TRIGGER new_jobs_are_stored INSTEAD OF INSERT ON new_jobs BEGIN
            INSERT INTO jobs (id, account, region, name, folded_name, phase, created_at_ms, modified_at_ms)
            VALUES (NEW.id, NEW.account, NEW.region, NEW.name, NEW.folded_name, NEW.phase, NEW.at_ms, NEW.at_ms)
            ON CONFLICT (account, region, folded_name) WHERE deleted_at_ms IS NULL DO NOTHING;
            INSERT INTO job_requests (job_id, request)
            SELECT id, NEW.request FROM jobs WHERE id = NEW.id;
            INSERT INTO job_tags (job_id, key, value)
            SELECT jobs.id, tag.key, tag.value FROM json_each(NEW.tags) AS tag JOIN jobs ON jobs.id = NEW.id;
        END
        """,
    ):
        connection.execute(text(statement))


def _fewer_indexes(connection: Connection) -> None:
    """3 to 4: statuses are listed, and unfinished jobs found, by one index instead of three; less to do for a new job.

    The constraints on phases stay spelled as they were; they say the same.
    """
    for statement in (
        "DROP INDEX jobs_by_phase",
        "DROP INDEX jobs_by_status",
        "DROP INDEX jobs_by_status_creation",
        f"CREATE INDEX jobs_by_status_creation ON jobs (status, {_OWNER}, created_at_ms, id) {_NOT_DELETED}",
        "DROP TRIGGER new_jobs_are_stored",
        """
        CREATE TRIGGER new_jobs_are_stored INSTEAD OF INSERT ON new_jobs BEGIN
            INSERT INTO jobs (id, account, region, name, folded_name, phase, created_at_ms, modified_at_ms)
            VALUES (NEW.id, NEW.account, NEW.region, NEW.name, NEW.folded_name, NEW.phase, NEW.at_ms, NEW.at_ms)
            ON CONFLICT (account, region, folded_name) WHERE deleted_at_ms IS NULL DO NOTHING;
            SELECT RAISE(IGNORE) WHERE changes() = 0;
            INSERT INTO job_requests (job_id, request) VALUES (NEW.id, NEW.request);
            SELECT RAISE(IGNORE) WHERE NEW.tags IS NULL;
            INSERT INTO job_tags (job_id, key, value) SELECT NEW.id, key, value FROM json_each(NEW.tags);
        END
        """,
    ):
        connection.execute(text(statement))


STEPS: Mapping[int, Callable[[Connection], None]] = MappingProxyType(
    {1: _delete_and_select, 2: _write_less, 3: _fewer_indexes}
)
"""From this version to the next."""


def can_migrate(version: int) -> bool:
    """Whether there is a step for every version from this one on."""
    return all(step in STEPS for step in range(version, SCHEMA_VERSION))


def migrate(connection: Connection, version: int) -> None:
    """Take all steps from `version` on, inside the caller's transaction."""
    for step in range(version, SCHEMA_VERSION):
        STEPS[step](connection)
