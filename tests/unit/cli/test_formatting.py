"""Tables, times and sizes of the command line."""

import pytest

from processing_emulator.cli.formatting import seconds_between, table
from processing_emulator.quantities import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-0.2, "0.0 s"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (172800, "2 d"),
    ],
)
def test_durations_read_like_a_person_says_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536 * 1024, "1.5 MiB"), (2**41, "2.0 TiB")],
)
def test_sizes_have_binary_units(count: int | None, text: str) -> None:
    assert size(count) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(("NAME", "WHY"), [("a", "x"), ("longer", "")]) == "NAME    WHY\na       x\nlonger"


def test_time_between_two_moments_of_a_document() -> None:
    assert seconds_between("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.500Z") == 1.5
    assert seconds_between(None, "2026-01-31T12:00:01.500Z") is None
