"""Replies of the JSON protocol: compact, without nulls, timestamps as numbers of seconds with milliseconds."""

import json
from collections.abc import Mapping
from datetime import datetime

from processing_emulator.errors import InternalBug


def encode_json(document: Mapping[str, object]) -> bytes:
    """The bytes of a reply, in ASCII: halves of surrogate pairs, which containers may print, have no UTF-8."""
    return _ENCODER.encode(document).encode("ascii")


def _timestamp(value: object) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise InternalBug(f"a reply holds a {type(value).__name__}")


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_timestamp)


def present(**members: object) -> dict[str, object]:
    """The members that are set; the service never sends a null (spec 1.1)."""
    return {name: value for name, value in members.items() if value is not None}
