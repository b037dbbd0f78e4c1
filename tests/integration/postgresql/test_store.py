"""The store on PostgreSQL when something goes wrong, and what opening it refuses."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION
from processing_emulator.adapters.sql_store.store import Stores, open_postgresql_store
from processing_emulator.cli.doctor import Finding, examine
from processing_emulator.config import Settings
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import StoreFailure
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later
from tests.waiting import wait_for

WRITER = """
import sys
from processing_emulator.adapters.sql_store.store import open_postgresql_store
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW

stores = open_postgresql_store(sys.argv[1])
for number in range(10**6):
    name = f"{sys.argv[2]}-{number}"
    stores.jobs.add(a_key(name), a_request(name), {"k": "v"}, NOW)
    print(name, flush=True)
"""

WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from processing_emulator.adapters.sql_store.store import open_postgresql_store
open_postgresql_store("postgresql://localhost/x")
"""


@pytest.fixture
def stores(postgresql_url: str) -> Iterator[Stores]:
    with closing(open_postgresql_store(postgresql_url, busy_timeout_seconds=0.2)) as opened:
        yield opened


def connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(url, autocommit=True)


def test_everything_is_there_after_a_restart(postgresql_url: str) -> None:
    with closing(open_postgresql_store(postgresql_url)) as before:
        job = add_job(before.jobs)
    with closing(open_postgresql_store(postgresql_url)) as after:
        assert after.jobs.get(job.id) == job
        assert after.jobs.last_event_id() == 1


def test_database_of_another_schema_version_is_refused_and_left_alone(postgresql_url: str) -> None:
    open_postgresql_store(postgresql_url).close()
    with closing(connect(postgresql_url)) as connection:
        connection.execute("UPDATE emulator_schema SET version = %s", [SCHEMA_VERSION + 1])
        with pytest.raises(StoreFailure, match=r"another version of the emulator.* Start with another data directory"):
            open_postgresql_store(postgresql_url)
        assert connection.execute("SELECT version FROM emulator_schema").fetchall() == [(SCHEMA_VERSION + 1,)]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [("schema_version", "another version of the emulator"), ("jobs", r"not made by the emulator: .*\(jobs\)")],
)
def test_database_of_an_old_schema_or_another_program_is_refused(
    postgresql_url: str, table: str, sentence: str
) -> None:
    with closing(connect(postgresql_url)) as connection:
        connection.execute(sql.SQL("CREATE TABLE {} (version INTEGER)").format(sql.Identifier(table)))
        with pytest.raises(StoreFailure, match=sentence):
            open_postgresql_store(postgresql_url)
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
        assert tables == [(table,)]


def test_second_server_on_one_database_is_refused_while_the_first_lives(stores: Stores, postgresql_url: str) -> None:
    with pytest.raises(StoreFailure, match="another process holds it locked"):
        open_postgresql_store(postgresql_url, busy_timeout_seconds=0.1)
    stores.close()
    open_postgresql_store(postgresql_url).close()


def test_doctor_says_what_the_server_would_find(postgresql_url: str) -> None:
    def finding() -> Finding:
        settings = Settings.model_validate({"docker_host": "unix:///nowhere.sock", "database_url": postgresql_url})
        return next(finding for finding in examine(settings) if finding.name == "database")

    assert finding().state == "ok"
    with closing(open_postgresql_store(postgresql_url)):
        assert finding().state == "ok"
        assert finding().found.endswith("in use by a running emulator")
    assert "in use" not in finding().found
    with closing(connect(postgresql_url)) as connection:
        connection.execute("UPDATE emulator_schema SET version = 99")
    assert finding().state == "missing"
    assert "another version of the emulator" in finding().found


def test_failure_to_connect_is_a_sentence_without_the_password() -> None:
    with pytest.raises(StoreFailure, match=r"postgresql://127\.0\.0\.1:1/db: .*refused") as failure:
        open_postgresql_store("postgresql://user:hush@127.0.0.1:1/db")
    assert "hush" not in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("url", ["postgresql://user:hush@host:port/db", "postgresql"])
def test_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreFailure, match="cannot be read") as failure:
        open_postgresql_store(url)
    assert "hush" not in str(failure.value)


def test_missing_driver_is_named_with_the_command_that_installs_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_DRIVER], capture_output=True, text=True)
    assert 'pip install "processing-emulator[postgresql]"' in done.stderr


def test_lock_held_by_another_process_fails_the_write_and_is_recovered_from(
    stores: Stores, postgresql_url: str
) -> None:
    job = add_job(stores.jobs)
    with closing(connect(postgresql_url)) as other, other.transaction():
        other.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")
        with pytest.raises(StoreFailure, match="another process holds it locked"):
            stores.jobs.request_stop(job.id, NOW)
        assert stores.jobs.get(job.id) == job
    assert stores.jobs.request_stop(job.id, NOW).stop_requested_at == NOW


def test_lost_connections_are_replaced(stores: Stores, postgresql_url: str) -> None:
    job = add_job(stores.jobs)
    with closing(connect(postgresql_url)) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert stores.jobs.get(job.id) == job
    assert stores.jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(1)).phase is JobPhase.PULLING


def test_text_and_numbers_that_no_row_can_hold_are_store_failures(stores: Stores) -> None:
    for name in ("\ud800", "nul\0"):
        with pytest.raises(StoreFailure):
            add_job(stores.jobs, name)
    assert stores.jobs.list_unfinished() == []


def test_readers_do_not_wait_for_a_writer(stores: Stores) -> None:
    job = add_job(stores.jobs)
    with stores.database.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET modified_at_ms = 0")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(stores.jobs.get, job.id).result(timeout=10) == job


def test_request_keeps_what_only_json_can_write(stores: Stores) -> None:
    request = a_request(arguments=["ä\n\0", "\ud800", "\U0001f600"], Environment={"K": ""})
    assert stores.jobs.add(a_key(), request, {}, NOW).request == request


def test_killed_writer_leaves_every_job_it_promised_whole(postgresql_url: str) -> None:
    promised: list[str] = []
    for life in ("first", "second"):
        command = [sys.executable, "-c", WRITER, postgresql_url, life]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            promised += [process.stdout.readline().strip() for _ in range(30)]
            process.kill()
            promised += process.stdout.read().split()
        assert process.returncode == -signal.SIGKILL
    with closing(open_postgresql_store(postgresql_url)) as stores:
        jobs = stores.jobs.list_unfinished()
        assert {*promised} <= {job.key.name for job in jobs}
        assert len(jobs) <= len(promised) + 2
        for job in jobs:
            assert stores.jobs.list_tags(job.id) == {"k": "v"}
            assert [event.action for event in stores.jobs.list_events(job.id)] == ["created"]


def test_closing_leaves_no_connection(stores: Stores, postgresql_url: str) -> None:
    add_job(stores.jobs)
    stores.close()
    with closing(connect(postgresql_url)) as other:

        def is_alone() -> bool:
            others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            return other.execute(others).fetchone() == (1,)

        wait_for("all connections to be closed", is_alone)
