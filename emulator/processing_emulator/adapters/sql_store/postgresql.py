"""A database on a PostgreSQL server."""

from importlib.util import find_spec

from sqlalchemy import URL, Connection, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.errors import StoreFailure

_WRITES = "processing_emulator_writes"
_WRITE_LOCK = 0x70726F63656D75  # any number, the same in every version: "procemu"
_SERVER_LOCK = _WRITE_LOCK + 1
_CONNECT_TIMEOUT_SECONDS = 10


def postgresql_database(url: str, *, busy_timeout_seconds: float) -> Database:
    """The database that a URL names (`postgresql://USER:PASSWORD@HOST:PORT/DATABASE`).

    Other processes may hold the lock of writers for the time-out before a write of ours fails. Raises StoreFailure when
    the driver is not installed or the URL cannot be read.
    """
    if find_spec("psycopg") is None:
        raise StoreFailure(
            "A PostgreSQL database needs the driver psycopg, which is not installed."
            ' Install it with: pip install "processing-emulator[postgresql]"'
        )
    parsed = _parsed(url)
    engine = create_engine(
        parsed.update_query_pairs([("options", _options(parsed, busy_timeout_seconds))]),
        connect_args={"connect_timeout": _CONNECT_TIMEOUT_SECONDS},
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,  # connections do not outlive a restart of the server
    )
    event.listen(engine, "begin", _begin)
    return Database(
        name=_name_of(parsed),
        readers=engine.execution_options(isolation_level="REPEATABLE READ"),
        writers=engine.execution_options(**{_WRITES: True}),
        busy_timeout_seconds=busy_timeout_seconds,
    )


def reserve_for_this_server(database: Database) -> None:
    """Two servers on one database would run every job twice: the second is refused while the first lives.

    The lock ends with its connection, so nothing is left of a server that was killed. Raises StoreFailure.
    """
    database.hold(select(func.pg_advisory_lock(_SERVER_LOCK)))


def is_reserved(database: Database) -> bool:
    """Whether a running server has reserved the database. Raises StoreFailure."""
    with database.reading() as connection:
        return not connection.execute(select(func.pg_try_advisory_xact_lock(_SERVER_LOCK))).scalar_one()


def _begin(connection: Connection) -> None:
    """One writer at a time, until the end of its transaction.

    So what a writer has read stays true until it commits, and the ids of events become visible in their order.
    """
    if connection.get_execution_options().get(_WRITES):
        connection.execute(select(func.pg_advisory_xact_lock(_WRITE_LOCK)))


def _parsed(url: str) -> URL:
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:  # the text would repeat a password
        raise StoreFailure("The database URL cannot be read; see docs/reference/settings.md for its form.") from error


def _options(url: URL, busy_timeout_seconds: float) -> str:
    given = url.query.get("options", ())
    own = f"-c lock_timeout={int(busy_timeout_seconds * 1000)}"
    return " ".join([*([given] if isinstance(given, str) else given), own])


def _name_of(url: URL) -> str:
    """Without user, password and options."""
    return URL.create("postgresql", host=url.host, port=url.port, database=url.database).render_as_string()
