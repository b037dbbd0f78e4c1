"""Which of several failed calls says when the engine was lost."""

from processing_emulator.engine.engine_loss import EngineLoss
from processing_emulator.errors import RuntimeUnavailable
from tests.fakes.clock import SettableClock

AWAY = RuntimeUnavailable("away")


def test_a_row_of_failed_calls_is_one_loss_and_a_later_failure_is_another() -> None:
    clock = SettableClock()
    loss = EngineLoss(clock)

    loss.note(AWAY)
    first = loss.at
    for _ in range(4):
        clock.passed_seconds += 6
        loss.note(AWAY)
    assert first is not None
    assert loss.at == first

    clock.passed_seconds += 3600
    loss.note(AWAY)
    assert loss.at is not None
    assert (loss.at - first).total_seconds() > 3600
