"""Looks for a text in the log of a host, a bounded number of events at a time."""

from typing import NamedTuple

from processing_emulator.ports import LogStore, LogStream

SEARCHED_EVENTS = 50_000
"""Events that one request looks at."""

_PAGE_EVENTS = 5_000
_PAGE_BYTES = 4 * 1024**2


class Found(NamedTuple):
    """The number of the event that was found; if none was, where to go on searching, or None at the end of the log."""

    seq: int | None
    next_seq: int | None


def search_stream(logs: LogStore, stream: LogStream, text: str, seq: int, *, backward: bool) -> Found:
    """The first event from `seq` on whose message contains the text, or the last one before `seq`; case is ignored."""
    wanted = text.casefold()
    looked = 0
    while looked < SEARCHED_EVENTS:
        events = logs.read(stream.id, seq, forward=not backward, limit=_PAGE_EVENTS, most_bytes=_PAGE_BYTES)
        for event in reversed(events) if backward else events:
            if wanted in event.message.casefold():
                return Found(event.seq, None)
        if not events or (backward and events[0].seq == 0):
            return Found(None, None)
        looked += len(events)
        seq = events[0].seq if backward else events[-1].seq + 1
    return Found(None, seq)
