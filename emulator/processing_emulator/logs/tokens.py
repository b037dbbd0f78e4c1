"""The tokens of CloudWatch Logs: where a page of events ended, and where a page of streams did.

Those of events have the service's form, `f/<56 digits>/s`. A token only continues the stream or query it was given for.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from processing_emulator.domain.page_token import pack, unpack
from processing_emulator.errors import ValidationFailed
from processing_emulator.ports import LogStream

_EVENTS_TOKEN = re.compile(r"([fb])/([0-9]{18})([0-9]{16})([0-9]{22})/s")
_SEAL_DIGITS = 22
_PURPOSE = b"CloudWatchLogs.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Between two events: before line `seq`. `latest_ms` is the latest stamp of the lines before, if `forward`."""

    forward: bool
    seq: int
    latest_ms: int = 0


def seal_position(position: Position, stream: LogStream) -> str:
    """The token of a position in a stream; the same position always has the same token."""
    letter = "f" if position.forward else "b"
    digits = f"{position.seq:018d}{position.latest_ms:016d}"
    return f"{letter}/{digits}{_digits_over(letter, digits, stream.job_id, stream.index)}/s"


def open_position(token: str, stream: LogStream) -> Position:
    """The position of a token. Raises ValidationFailed for one that was not given for this stream."""
    match = _EVENTS_TOKEN.fullmatch(token)
    if match is None:
        raise _wrong_token()
    letter, seq, latest, seal = match.groups()
    if seal != _digits_over(letter, seq + latest, stream.job_id, stream.index):
        raise _wrong_token()
    return Position(forward=letter == "f", seq=int(seq), latest_ms=int(latest))


def seal_page(last: tuple[int, str], query: Sequence[object]) -> str:
    """The token of a page of streams; `query` is what the next request must ask again, JSON values only."""
    return pack([_digits_over(*query, *last), *last])


def open_page(token: str, query: Sequence[object]) -> tuple[int, str]:
    """The place of a token. Raises ValidationFailed for one that was not given for this query."""
    try:
        seal, at_ms, name = unpack(token)
    except ValueError as error:
        raise _wrong_token() from error
    if not isinstance(at_ms, int) or not isinstance(name, str) or seal != _digits_over(*query, at_ms, name):
        raise _wrong_token()
    return at_ms, name


def sequence_token(stream: LogStream) -> str:
    """The `uploadSequenceToken` of a stream: digits that clients show, and nobody needs any more."""
    return "49" + _digits_over("sequence", stream.job_id, stream.index, digits=54)


def _digits_over(*bound: object, digits: int = _SEAL_DIGITS) -> str:
    seal = blake2b(json.dumps(bound).encode(), key=_PURPOSE, digest_size=32).digest()
    return f"{int.from_bytes(seal) % 10**digits:0{digits}d}"


def _wrong_token() -> ValidationFailed:
    return ValidationFailed("The specified nextToken is invalid.")
