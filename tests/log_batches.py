"""Batches of container output, as a log pump hands them to the store."""

from collections.abc import Sequence

from processing_emulator.domain.job import LogCursor
from processing_emulator.domain.log_batch import OutputEvents
from processing_emulator.domain.log_events import LogEvent, RawLine
from processing_emulator.ports import OutputBatch


def a_batch(
    *messages: str, at_ms: int = 1_000, step_ms: int = 1, ingested_at_ms: int | None = None, after_lines: int = 0
) -> OutputBatch:
    """Events of one line each, the first of them after so many lines."""
    events = [LogEvent(at_ms + number * step_ms, message) for number, message in enumerate(messages)]
    last_ms = events[-1].at_ms if events else at_ms
    return OutputBatch(
        events=events,
        read_from=LogCursor(lines=after_lines),
        read_to=LogCursor(newest_ns=last_ms * 1_000_000, lines=after_lines + len(events)),
        ingested_at_ms=last_ms if ingested_at_ms is None else ingested_at_ms,
    )


def batch_of_lines(lines: Sequence[RawLine]) -> OutputBatch:
    """All events of a container that printed these lines and ended; they are stored as the last one is printed."""
    output = OutputEvents(LogCursor())
    events = [*output.feed(lines, 0.0), *output.close()]
    return OutputBatch(
        events=events,
        read_from=LogCursor(),
        read_to=output.cursor,
        ingested_at_ms=lines[-1].at_ns // 1_000_000,
    )
