"""Where an event lies in its stream, in a way that stays true when earlier events are added or removed.

An event's number changes when a client writes earlier events into the stream. Its place does not: the time, and
how many events of the stream with the same time come before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.ports import LogStore, LogStream


class Place(NamedTuple):
    """Before the event that is the `nth` of its stream with that time, counted from 0."""

    at_ms: int
    nth: int


@dataclass(frozen=True, slots=True)
class StreamPlaces:
    """Converts between the places and the numbers of a stream."""

    logs: LogStore
    stream: LogStream

    def seq_at(self, at_ms: int) -> int:
        """The number of the first event at or after a time."""
        found = self.logs.find_time(self.stream.id, at_ms)
        return self.stream.next_seq if found is None else found

    def seq_of(self, place: Place) -> int:
        """The number of the event at a place."""
        first = self.seq_at(place.at_ms)
        return first if place.nth == 0 else min(first + place.nth, self.seq_at(place.at_ms + 1))

    def place_of(self, event: StoredEvent) -> Place:
        """The place of an event."""
        return Place(event.at_ms, event.seq - self.seq_at(event.at_ms) if event.seq else 0)

    def nths(self, events: Sequence[StoredEvent]) -> Sequence[int]:
        """The second part of the places of consecutive events."""
        found: list[int] = []
        at_ms = nth = -1
        for event in events:
            if event.at_ms == at_ms:
                nth += 1
            else:
                nth = 0 if found else self.place_of(event).nth
                at_ms = event.at_ms
            found.append(nth)
        return found
