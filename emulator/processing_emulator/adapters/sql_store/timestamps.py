"""Moments as they are stored: whole milliseconds since the epoch."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """The millisecond that an aware moment lies in."""
    return (at - _EPOCH) // _MILLISECOND


def to_ms_ceiling(at: datetime) -> int:
    """The first whole millisecond not before the moment: stored moments before `at` are those below this."""
    return -((_EPOCH - at) // _MILLISECOND)


def to_ms_or_none(at: datetime | None) -> int | None:
    """`to_ms` of a moment that may be missing."""
    return None if at is None else to_ms(at)


def from_ms(at_ms: int) -> datetime:
    """The aware moment, UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def from_ms_or_none(at_ms: int | None) -> datetime | None:
    """`from_ms` of a moment that may be missing."""
    return None if at_ms is None else from_ms(at_ms)
