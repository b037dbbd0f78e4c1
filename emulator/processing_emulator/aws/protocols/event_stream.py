"""The encoding `vnd.amazon.eventstream`: how a reply goes on with events after its head was sent.

A message is a prelude (length of the message, length of its headers, checksum of the two), headers, a payload and a
checksum of everything before it. Lengths and checksums (CRC-32) are big-endian numbers of 32 bits.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

EVENT_STREAM_TYPE: Final = "application/vnd.amazon.eventstream"

_STRING: Final = 7
_PRELUDE_BYTES, _CHECKSUM_BYTES = 12, 4


class StreamEvent(NamedTuple):
    """An event of a reply: its name and members in the model, and whether it is one of the model's exceptions."""

    name: str
    members: Mapping[str, object]
    is_exception: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStream:
    """The member of a reply that goes on: events to send at once, then again after each interval, until there are none.

    The iterator is advanced in worker threads, one call at a time.
    """

    events: Iterator[Sequence[StreamEvent]]
    interval_seconds: float


def stream_in(reply: Mapping[str, object] | None) -> EventStream | None:
    """The member of a reply that is an event stream."""
    return next((value for value in (reply or {}).values() if isinstance(value, EventStream)), None)


def encoded(stream: EventStream, encode: Callable[[Mapping[str, object]], bytes], media_type: str) -> Iterator[bytes]:
    """The messages of a stream, as many at once as there are events; RPC protocols begin with an empty reply."""
    initial = {":message-type": "event", ":event-type": "initial-response", ":content-type": media_type}
    before = message(initial, encode({}))
    for events in stream.events:
        yield before + b"".join(message(_headers(event, media_type), encode(event.members)) for event in events)
        before = b""


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message; the values of headers are strings."""
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    size = _PRELUDE_BYTES + len(head) + len(payload) + _CHECKSUM_BYTES
    lengths = struct.pack(">II", size, len(head))
    body = lengths + _checksum(lengths) + head + payload
    return body + _checksum(body)


def _headers(event: StreamEvent, media_type: str) -> Mapping[str, str]:
    if event.is_exception:
        return {":message-type": "exception", ":exception-type": event.name, ":content-type": media_type}
    return {":message-type": "event", ":event-type": event.name, ":content-type": media_type}


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _STRING, len(value)) + value


def _checksum(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
