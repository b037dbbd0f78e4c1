"""The tokens of CloudWatch Logs: where a page of events ended, and where a page of streams did.

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

_EVENTS_TOKEN = re.compile(r"([fb])/([0-9]{18})([0-9]{38})/s")
_SEAL_DIGITS = 38
_PURPOSE = b"CloudWatchLogs.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place between two events, before event `seq`, and the direction in which to read from there."""

    forward: bool
    seq: int


def seal_position(position: Position, stream: LogStreamId) -> str:
    """The token of a position in a stream; the same position always has the same token."""
    letter = "f" if position.forward else "b"
    return f"{letter}/{position.seq:018d}{_digits_over(letter, position.seq, stream)}/s"


def open_position(token: str, stream: LogStreamId) -> Position:
    """The position of a token. Raises ValidationFailed for one that was not made for this stream."""
    match = _EVENTS_TOKEN.fullmatch(token)
    if match is None:
        raise _wrong_token()
    position = Position(forward=match[1] == "f", seq=int(match[2]))
    if token != seal_position(position, stream):
        raise _wrong_token()
    return position


def seal_page(last: tuple[int, str], query: Sequence[object]) -> str:
    """The token of a page of streams; `query` is what the next request must ask again, JSON values only."""
    return pack([_digits_over(*query, *last), *last])


def open_page(token: str, query: Sequence[object]) -> tuple[int, str]:
    """The place of a token. Raises ValidationFailed for one that was not made for this query."""
    try:
        seal, at_ms, name = unpack(token)
    except ValueError as error:
        raise _wrong_token() from error
    if not isinstance(at_ms, int) or not isinstance(name, str) or seal != _digits_over(*query, at_ms, name):
        raise _wrong_token()
    return at_ms, name


def sequence_token(stream: LogStreamId) -> str:
    """The `uploadSequenceToken` of a stream: clients print it, and the service has stopped using it."""
    return "49" + _digits_over("sequence", stream, digits=54)


def _digits_over(*bound: object, digits: int = _SEAL_DIGITS) -> str:
    seal = blake2b(json.dumps(bound).encode(), key=_PURPOSE, digest_size=32).digest()
    return f"{int.from_bytes(seal) % 10**digits:0{digits}d}"


def _wrong_token() -> ValidationFailed:
    return ValidationFailed("The specified nextToken is invalid.")
