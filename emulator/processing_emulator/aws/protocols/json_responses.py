"""Replies of the JSON protocol: compact, without nulls, timestamps as numbers of seconds with milliseconds."""

import json
from collections.abc import Mapping
from datetime import datetime

import orjson

from processing_emulator.errors import InternalBug


def encode_json(document: Mapping[str, object]) -> bytes:
    """The bytes of a reply."""
    try:
        return orjson.dumps(document, _timestamp, orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError:  # halves of surrogate pairs, which came out of a container
        return _ENCODER.encode(document).encode()


def _timestamp(value: object) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise InternalBug(f"a reply holds a {type(value).__name__}")


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_timestamp)


def present(**members: object) -> dict[str, object]:
    """The members that are set; the service never sends a null (spec 1.1)."""
    return {name: value for name, value in members.items() if value is not None}
