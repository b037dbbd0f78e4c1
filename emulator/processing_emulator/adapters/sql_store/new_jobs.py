"""A view through which a new job is one row: its columns, its request and its tags.

So that many new jobs are one statement, which is a transaction of its own. SQLite's own.
"""

from typing import Final

from sqlalchemy import column, table

new_jobs = table(
    "new_jobs",
    column("id"),
    column("account"),
    column("region"),
    column("name"),
    column("folded_name"),
    column("phase"),
    column("at_ms"),
    column("request"),
    column("tags"),
)
"""`request` and `tags` are JSON; a job without tags has NULL. Nothing is stored of a job whose name is in use."""

# An INSERT from a SELECT, as for the tags, makes a table in between, which costs as much as two indexes: a job without
# tags is left before that. `changes` is what the statement before has stored; IGNORE goes on with the next job.
MAKE_NEW_JOBS: Final = (
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
        SELECT RAISE(IGNORE) WHERE changes() = 0;
        INSERT INTO job_requests (job_id, request) VALUES (NEW.id, NEW.request);
        SELECT RAISE(IGNORE) WHERE NEW.tags IS NULL;
        INSERT INTO job_tags (job_id, key, value) SELECT NEW.id, key, value FROM json_each(NEW.tags);
    END
    """,
)
