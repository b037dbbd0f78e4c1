"""Jobs' names and the log cursor."""

import random

from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.job import NANOSECONDS, LogCursor
from tests.builders import a_key


def test_the_name_in_the_arn_is_lower_cased() -> None:
    assert a_key("Pipe-aLX6").arn == "arn:aws:sagemaker:us-east-1:000000000000:processing-job/pipe-alx6"


def _resume(stamps: list[int], stored: int, cursor: LogCursor) -> list[int]:
    """What the engine would send from the cursor's second on, less what the cursor says to skip; as positions."""
    sent = [i for i, stamp in enumerate(stamps) if stamp >= cursor.second * NANOSECONDS]
    return sent[cursor.lines_in_second :]


@given(
    seconds=st.lists(st.integers(min_value=10, max_value=14), min_size=1, max_size=60),
    seed=st.integers(),
)
def test_resuming_at_the_cursor_gives_every_line_once_even_with_stamps_out_of_order(
    seconds: list[int], seed: int
) -> None:
    dice = random.Random(seed)
    stamps = [s * NANOSECONDS + dice.randrange(NANOSECONDS) for s in sorted(seconds)]
    for i in range(len(stamps) - 1):  # two copiers of the engine race: lines of one moment may change places
        if stamps[i + 1] - stamps[i] < NANOSECONDS and dice.random() < 0.3:
            stamps[i], stamps[i + 1] = stamps[i + 1], stamps[i]
    cursor, stored = LogCursor(), 0
    while stored < len(stamps):
        size = dice.randint(1, 7)
        cursor = cursor.advanced(stamps[stored : stored + size])
        stored = min(stored + size, len(stamps))
        assert cursor.lines == stored
        assert _resume(stamps, stored, cursor) == list(range(stored, len(stamps)))


def test_a_cursor_that_stored_nothing_stays() -> None:
    cursor = LogCursor(newest_ns=4 * NANOSECONDS, lines_in_second=2, lines=9)
    assert cursor.advanced([]) is cursor
