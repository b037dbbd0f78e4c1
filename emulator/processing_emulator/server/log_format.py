"""How the server's log looks: one line per record, for people (text) or for programs (JSON).

    2026-01-31T12:00:00.000Z INFO job created job=train-1 account=000000000000 request_id=1d2c...

The message comes first and is fixed text. The fields after it are what the call passed as `extra`, and those that
`log_context` adds. A traceback follows its line, indented.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

from processing_emulator.config import LogFormat, LogLevel
from processing_emulator.log_context import current_log_fields

PACKAGE: Final = "processing_emulator"

LONGEST_VALUE: Final = 4096
"""Characters of one value in a text line; JSON is not cut."""

_FIRST: Final = ("job", "job_id", "host", "operation")
"""What a line is about, before its other fields."""

_LAST: Final = ("request_id",)

_WEBSOCKET_ADVICE: Final = ("Unsupported upgrade request", "No supported WebSocket library detected")
"""A request to upgrade the connection is answered like any other, and no installation would change that."""

_NOT_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""What logging itself keeps in a record, and uvicorn's second text for terminals."""


def set_up_logging(level: LogLevel, style: LogFormat, stream: TextIO | None = None) -> None:
    """Send every record of the process, and Python's warnings, to `stream` (stderr) in one format.

    `level` is for our own loggers. Libraries are heard from WARNING on: below that, boto3 logs signed headers.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_helps)
    handler.setFormatter(JsonFormatter() if style is LogFormat.JSON else TextFormatter())
    library_level = max(logging.WARNING, logging.getLevelNamesMapping()[level])
    logging.basicConfig(level=library_level, handlers=[handler], force=True)
    logging.getLogger(PACKAGE).setLevel(level)
    logging.captureWarnings(capture=True)


def _helps(record: logging.LogRecord) -> bool:
    """Whether a record is worth a line: uvicorn's advice for servers that speak WebSocket is not."""
    return not (record.name == "uvicorn.error" and str(record.msg).startswith(_WEBSOCKET_ADVICE))


class TextFormatter(logging.Formatter):
    """`TIME LEVEL message key=value ...`, values quoted like JSON strings where they need it."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_value(value)}" for name, value in fields_of(record).items())
        line = f"{_time(record)} {record.levelname} {_on_one_line(record.getMessage())}{fields}"
        traceback = self._traceback(record)
        return "\n    ".join([line, *map(_on_one_line, traceback.splitlines())])

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonFormatter(logging.Formatter):
    """One object per line: `time`, `level`, `action`, the fields, and `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, object] = {"time": _time(record), "level": record.levelname, "action": record.getMessage()}
        document |= {name: value for name, value in fields_of(record).items() if name not in document}
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What the record says besides its message: subject first, request id last, the others as the call named them."""
    own = {name: value for name, value in vars(record).items() if name not in _NOT_FIELDS}
    if not record.name.startswith(PACKAGE):
        own["logger"] = record.name
    fields = {**current_log_fields(), **own}
    names = [*_FIRST, *(name for name in fields if name not in _FIRST + _LAST), *_LAST]
    return {name: fields[name] for name in names if fields.get(name) is not None}


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(value: object) -> str:
    if isinstance(value, bool | Mapping | list | tuple):
        text = json.dumps(value, default=str, ensure_ascii=False)
    else:
        text = str(value) or (type(value).__name__ if isinstance(value, Exception) else "")
    if len(text) > LONGEST_VALUE:
        text = f"{text[:LONGEST_VALUE]}..."
    is_plain = text.isprintable() and text and not any(character in text for character in ' "=')
    return text if is_plain else json.dumps(text, ensure_ascii=not text.isprintable())


def _on_one_line(text: str) -> str:
    """Line breaks and control characters escaped, so that no text can look like another record."""
    return text if text.isprintable() else json.dumps(text)[1:-1]
