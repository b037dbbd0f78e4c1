"""The garbage collector rests while the server starts, and works again afterwards, however the start ended."""

import gc
from collections.abc import Iterator

import pytest

from processing_emulator.server.gc_pause import gc_paused


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_inside_and_everything_is_set_apart() -> None:
    with gc_paused():
        assert not gc.isenabled()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_start_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ValueError, match="no start"), gc_paused():
        raise ValueError("no start")

    assert gc.isenabled()
