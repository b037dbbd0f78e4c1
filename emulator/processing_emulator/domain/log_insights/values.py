"""The values of a query and the rows that hold them."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from processing_emulator.domain.spelled_number import spelled_number

Value: TypeAlias = str | int | float | bool | None
"""None: the row has no such field."""

MOST_JSON_FIELDS: Final = 200
"""As many fields of a JSON message are known by name."""

_MOST_BITS: Final = 900


class Moment(int):
    """Milliseconds since the epoch: a number that is shown as date and time."""


class Row:
    """The fields of an event or of a group of events.

    Fields of a message that is a JSON object are found by their path: `user.name`, `list.0`.
    """

    __slots__ = ("_json", "fields")

    def __init__(self, fields: dict[str, Value]) -> None:
        self.fields = fields
        self._json: Mapping[str, Value] | None = None

    def get(self, name: str) -> Value:
        """The value of a field, None where it is missing."""
        value = self.fields.get(name)
        if value is not None or name.startswith("@"):
            return value
        if self._json is None:
            self._json = _json_fields(self.fields.get("@message"))
        return self._json.get(name)


def number(value: Value) -> int | float | None:
    """The number that a value is or spells; None for whole numbers that are too large to calculate with."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return spelled_number(value.strip())
    return None if isinstance(value, int) and value.bit_length() > _MOST_BITS else value


def text(value: Value) -> str:
    """How a value is shown: whole numbers without a point, others with up to four decimals."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Moment):
        return _shown_time(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


def is_true(value: Value) -> bool:
    """Whether a value lets a row through a filter."""
    return value not in (None, False, 0, "")


def _shown_time(at_ms: int) -> str:
    """`2026-01-02 03:04:05.678`."""
    try:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{at_ms:d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d}"


def sort_key(value: Value) -> tuple[int, float, str]:
    """Numbers before texts, and both by their own order."""
    value_number = number(value)
    if value_number is not None:
        return 0, float(value_number), ""
    return 1, 0.0, text(value)


def _json_fields(message: Value) -> Mapping[str, Value]:
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return {}
    try:
        document = json.loads(message)
        found: dict[str, Value] = {}
        for path, value in _leaves("", document):
            found[path] = value
            if len(found) == MOST_JSON_FIELDS:
                break
    except (ValueError, RecursionError):
        return {}
    return found


def _leaves(path: str, value: object) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(f"{path}.{index}", child)
    elif isinstance(value, str | int | float):
        yield path, value
