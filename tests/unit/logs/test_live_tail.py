"""StartLiveTail: every event that is stored after its start, once, also of new streams and of late events."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.log_events import LogEvent
from processing_emulator.domain.log_filter.pattern import compile_filter
from processing_emulator.errors import LogNotFound
from processing_emulator.logs.live_tail import LiveTail, TailQuery
from tests.unit.logs.test_writing import GROUP, NOW_MS, Room

EVERYTHING = TailQuery(groups=[GROUP], matches=compile_filter(""))


def looked(tail: LiveTail) -> list[str]:
    return [tailed.event.message for tailed in tail.look(NOW_MS)]


def test_only_what_is_stored_after_the_start_is_shown_and_once() -> None:
    room = Room()
    room.put(1)
    tail = LiveTail(room.logs, EVERYTHING)
    assert looked(tail) == []
    room.put(2, 3)
    assert looked(tail) == ["2", "3"]
    assert looked(tail) == []


def test_new_streams_and_filters_and_names() -> None:
    room = Room()
    tail = LiveTail(room.logs, replace(EVERYTHING, matches=compile_filter("ERROR")))
    named = LiveTail(room.logs, replace(EVERYTHING, stream_names=["t"]))
    prefixed = LiveTail(room.logs, replace(EVERYTHING, stream_prefixes=["x", "s"]))
    room.writing.create_stream(GROUP, "t")
    room.writing.put_events(GROUP, "t", [LogEvent(NOW_MS, "ERROR a"), LogEvent(NOW_MS, "b")])
    room.put(7)

    assert looked(tail) == ["ERROR a"]
    assert looked(named) == ["ERROR a", "b"]
    assert looked(prefixed) == ["7"]


def test_an_unknown_group_is_not_found() -> None:
    with pytest.raises(LogNotFound):
        LiveTail(Room().logs, replace(EVERYTHING, groups=[GROUP, GROUP._replace(name="/other")]))


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4).map(sorted) | st.just("look"), max_size=20))
def test_every_event_is_shown_once_in_whatever_order_they_come(steps: Sequence[list[int] | str]) -> None:
    room = Room()
    room.put(5, text="before ")
    tail = LiveTail(room.logs, EVERYTHING)
    shown: list[str] = []
    put: list[str] = []
    for number, step in enumerate([*steps, "look"]):
        if isinstance(step, str):
            shown += looked(tail)
        else:
            # Each batch is stored a while after the one before it.
            events = [LogEvent(NOW_MS + at_ms, f"{number} {at_ms}") for at_ms in step]
            room.logs.put_events(GROUP, "s", events, NOW_MS + number + 1)
            put += [event.message for event in events]

    assert sorted(shown) == sorted(put)
