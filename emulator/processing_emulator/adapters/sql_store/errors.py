"""Where SQLAlchemy's exceptions become ours, with a sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from processing_emulator.errors import InternalBug, StoreFailure, StoreFull


class RowRefused(InternalBug):
    """A constraint of the schema refused a row."""


_SQLITE_SENTENCES = {
    sqlite3.SQLITE_BUSY: "another process holds it locked",
    sqlite3.SQLITE_LOCKED: "another process holds it locked",
    sqlite3.SQLITE_READONLY: "it cannot be written to",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened; does its folder exist, and may we write there?",
    sqlite3.SQLITE_NOTADB: "its file is not a database",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_IOERR: "its disk does not read or write",
}

_POSTGRESQL_SENTENCES = {
    "53300": "it has no connection left",
    "55P03": "another process holds it locked",
    "25006": "it cannot be written to",
}
"""By SQLSTATE."""

_FULL_SQLITE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_FULL_POSTGRESQL = "53100"
"""What a full disk is called: SQLite says the second when it opens a database."""


@contextmanager
def translated(database: str) -> Iterator[None]:
    """Turn what the SDK raises inside into RowRefused or StoreFailure; `database` names it to people."""
    try:
        yield
    except IntegrityError as error:
        raise RowRefused(f"Database {database} refused a row: {error.orig}") from error
    except SQLAlchemyError as error:
        if _is_full(error):
            raise StoreFull(f"Database {database}: the disk is full.") from error
        raise StoreFailure(f"Database {database}: {_sentence_of(error)}.") from error
    except UnicodeEncodeError as error:
        raise StoreFailure(f"Database {database}: text that is not valid Unicode cannot be stored.") from error
    except OverflowError as error:
        raise StoreFailure(f"Database {database}: a number of more than 64 bits cannot be stored.") from error


def _is_full(error: SQLAlchemyError) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else None
    codes = getattr(cause, "sqlite_errorcode", 0), getattr(cause, "sqlstate", None)
    return codes[0] in _FULL_SQLITE or codes[1] == _FULL_POSTGRESQL


def _sentence_of(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    if cause is None:
        return str(error)
    # The lower byte of SQLite's code is the kind of failure; the upper ones say where it happened.
    sentence = _SQLITE_SENTENCES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    sentence = sentence or _POSTGRESQL_SENTENCES.get(getattr(cause, "sqlstate", None) or "")
    text = " ".join(str(cause).split()).rstrip(".")
    return f"{sentence} ({text})" if sentence else text
