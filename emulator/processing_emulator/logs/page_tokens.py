"""The tokens of CloudWatch Logs: where a page of events ended, and where a page of streams or groups did.

Tokens of events have the service's form, `f/<56 digits>/s`. A token only continues the stream or query it was made for.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from processing_emulator.domain.log_names import LogStreamId
from processing_emulator.domain.page_token import pack, unpack
from processing_emulator.errors import ValidationFailed
from processing_emulator.logs.places import Place

_EVENTS_TOKEN = re.compile(r"([fb])/([0-9]{16})([0-9]{12})([0-9]{28})/s")
_SEAL_DIGITS = 28
LATEST_MS = 10**15
"""No event is later; every database can count one further."""

_PURPOSE = b"CloudWatchLogs.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place between two events, and the direction in which to read from there."""

    forward: bool
    place: Place


def seal_position(position: Position, stream: LogStreamId) -> str:
    """The token of a position in a stream; the same position always has the same token."""
    letter, at_ms, nth = "f" if position.forward else "b", min(position.place.at_ms, LATEST_MS), position.place.nth
    return f"{letter}/{at_ms:016d}{nth:012d}{_digits_over(letter, at_ms, nth, stream)}/s"


def open_position(token: str, stream: LogStreamId) -> Position:
    """The position of a token. Raises ValidationFailed for one that was not made for this stream."""
    match = _EVENTS_TOKEN.fullmatch(token)
    if match is None:
        raise wrong_token()
    position = Position(forward=match[1] == "f", place=Place(int(match[2]), int(match[3])))
    if token != seal_position(position, stream):
        raise wrong_token()
    return position


def seal_page(last: Sequence[str | int], query: Sequence[object]) -> str:
    """The token of a page that ends with `last`; `query` is what the next request must ask again, JSON values only."""
    return pack([_digits_over(*query, *last), *last])


def open_page(token: str, query: Sequence[object]) -> Sequence[str | int]:
    """The end of a token's page. Raises ValidationFailed for a token that was not made for this query."""
    try:
        seal, *last = unpack(token)
    except ValueError as error:
        raise wrong_token() from error
    if seal != _digits_over(*query, *last):
        raise wrong_token()
    return last


def sequence_token(stream: LogStreamId) -> str:
    """The `uploadSequenceToken` of a stream: clients print it, and the service has stopped using it."""
    return "49" + _digits_over("sequence", stream, digits=54)


def wrong_token() -> ValidationFailed:
    """The refusal of a token."""
    return ValidationFailed("The specified nextToken is invalid.")


def _digits_over(*bound: object, digits: int = _SEAL_DIGITS) -> str:
    seal = blake2b(json.dumps(bound).encode(), key=_PURPOSE, digest_size=32).digest()
    return f"{int.from_bytes(seal) % 10**digits:0{digits}d}"
