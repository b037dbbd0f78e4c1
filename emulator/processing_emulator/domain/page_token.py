"""Opaque page tokens: a few strings and 64-bit integers as text."""

import base64
import json
from collections.abc import Sequence

_LIMIT = 2**63


def pack(values: Sequence[str | int]) -> str:
    """The values as a token."""
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode()


def unpack(token: str) -> Sequence[str | int]:
    """The values of a token, which may come from anywhere. Raises ValueError.

    Strings that a database cannot compare, with half of a surrogate pair or a NUL, are refused, too.
    """
    try:
        values = json.loads(base64.b64decode(token, altchars=b"-_", validate=True).decode())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(values, list) or not all(map(_is_packed, values)):
        raise ValueError("not a list of numbers and strings")
    return values


def _is_packed(value: object) -> bool:
    if type(value) is str:
        value.encode()  # UnicodeEncodeError is a ValueError
        return "\0" not in value
    return type(value) is int and -_LIMIT <= value < _LIMIT
