"""Where SQLAlchemy's exceptions become ours, and the driver's own: those of statements handed to it as text."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from processing_emulator.errors import InternalBug, StoreFailure


class RowRefused(InternalBug):
    """A constraint of the schema refused a row."""


_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another process holds it locked",
    sqlite3.SQLITE_LOCKED: "another process holds it locked",
    sqlite3.SQLITE_READONLY: "it cannot be written to",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened; does its folder exist, and may we write there?",
    sqlite3.SQLITE_NOTADB: "its file is not a database",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_IOERR: "its disk does not read or write",
}


@contextmanager
def translated(database: str) -> Iterator[None]:
    """Turn what the SDK raises inside into RowRefused or StoreFailure; `database` names it to people."""
    try:
        yield
    except IntegrityError as error:
        raise RowRefused(f"Database {database} refused a row: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StoreFailure(f"Database {database}: {_sentence_of(error)}.") from error
    except sqlite3.IntegrityError as error:
        raise RowRefused(f"Database {database} refused a row: {error}") from error
    except sqlite3.Error as error:
        raise StoreFailure(f"Database {database}: {_sentence_of_driver(error)}.") from error
    except UnicodeEncodeError as error:
        raise StoreFailure(f"Database {database}: text that is not valid Unicode cannot be stored.") from error
    except OverflowError as error:
        raise StoreFailure(f"Database {database}: a number of more than 64 bits cannot be stored.") from error


def _sentence_of(error: SQLAlchemyError) -> str:
    return _sentence_of_driver(error.orig) if isinstance(error, DBAPIError) else str(error)


def _sentence_of_driver(error: BaseException | None) -> str:
    # The lower byte is the kind of failure; the upper ones say where it happened.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    sentence = _SENTENCES.get(code)
    return f"{sentence} ({error})" if sentence else str(error)
