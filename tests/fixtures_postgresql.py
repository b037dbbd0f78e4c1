"""A real PostgreSQL for tests: a cluster of their own in a temporary folder, with an empty schema for each test.

Each worker of a parallel run has its own cluster. Where everything is promised (PROCESSING_EMULATOR_REQUIRE_ALL=1) a
missing program is a failure, elsewhere the test is skipped with the reason.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.fixtures_docker import missing
from tests.waiting import wait_for

_DEBIAN_FOLDER = Path("/usr/lib/postgresql")

# A test cluster need not survive a power failure; it does survive the kill of a process that uses it.
_SETTINGS = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=60", "shared_buffers=32MB")


class PostgresqlCluster:
    """A server that listens on a socket in its own folder, and nowhere else."""

    def __init__(self, socket_folder: Path) -> None:
        self.url = f"postgresql://postgres@/postgres?host={socket_folder}"
        self._numbers = count(1)

    def new_schema(self) -> str:
        """The URL of an empty schema, which is to a store what an empty database is, and cheaper."""
        name = f"test_{next(self._numbers)}"
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url}&options=-csearch_path%3D{name}"

    def answers(self) -> bool:
        """Whether a connection can be made."""
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[PostgresqlCluster]:
    """A running cluster; stopped and removed at the end."""
    binaries = _find_binaries()
    if binaries is None:
        missing("no PostgreSQL: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="pg-") as name:  # a short path, because that of a socket is limited
        folder = Path(name)
        user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if user is not None:
            shutil.chown(folder, user, user)
        data = folder / "data"
        initdb = [str(binaries / "initdb"), "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8"]
        subprocess.run([*initdb, str(data)], user=user, group=user, cwd="/", check=True, capture_output=True)
        with _running_server(binaries / "postgres", data, folder, user) as cluster:
            yield cluster


@pytest.fixture
def postgresql_url(postgresql_cluster: PostgresqlCluster) -> str:
    """The URL of an empty schema for one test."""
    return postgresql_cluster.new_schema()


@contextmanager
def _running_server(program: Path, data: Path, folder: Path, user: str | None) -> Iterator[PostgresqlCluster]:
    settings = [f"-c{each}" for each in (*_SETTINGS, "listen_addresses=", f"unix_socket_directories={folder}")]
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [program, "-D", data, *settings],
            user=user,
            group=user,
            cwd="/",
            stdout=log,
            stderr=log,
            process_group=0,  # Ctrl-C ends the tests first
        )
    cluster = PostgresqlCluster(folder)
    try:
        wait_for("the PostgreSQL server", lambda: cluster.answers() or process.poll() is not None)
        assert process.poll() is None, log_path.read_text()
        yield cluster
    finally:
        process.send_signal(signal.SIGINT)  # ends its clients' sessions and then itself
        process.wait(timeout=30)


def _find_binaries() -> Path | None:
    """The folder of the server's programs, which Debian does not put on the PATH."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    return max((path.parent for path in _DEBIAN_FOLDER.glob("*/bin/postgres")), default=None)
