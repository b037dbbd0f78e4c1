"""Whole milliseconds and aware moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from processing_emulator.adapters.sql_store.timestamps import from_ms, to_ms, to_ms_ceiling

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "below", "above"),
    [
        (AT, 1767323045678, 1767323045678),
        (AT + MICROSECOND, 1767323045678, 1767323045679),
        (AT - MICROSECOND, 1767323045677, 1767323045678),
        (AT.astimezone(timezone(timedelta(hours=-8))), 1767323045678, 1767323045678),
        (datetime(1970, 1, 1, tzinfo=UTC) - MICROSECOND, -1, 0),
        (datetime(1, 1, 1, tzinfo=UTC), -62135596800000, -62135596800000),
    ],
)
def test_moment_lies_between_two_milliseconds(at: datetime, below: int, above: int) -> None:
    assert (to_ms(at), to_ms_ceiling(at)) == (below, above)


def test_every_millisecond_of_a_second_comes_back_exactly() -> None:
    start = to_ms(AT)
    assert all(to_ms(from_ms(at_ms)) == at_ms for at_ms in range(start, start + 1000))
    assert from_ms(start) == AT
    assert from_ms(start).tzinfo is UTC
