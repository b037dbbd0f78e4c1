"""Tables and times as the command line prints them."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the last is not padded."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    lines = []
    for row in (headings, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def counted(count: int, word: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def fitted(text: str) -> str:
    """Lines cut to the width of the terminal, with an ellipsis where something is missing."""
    width = shutil.get_terminal_size().columns
    return "\n".join(line if len(line) <= width else f"{line[: width - 1]}…" for line in text.splitlines())


def moment(text: str | None) -> datetime | None:
    """A time of a document of the server."""
    return None if text is None else datetime.fromisoformat(text)


def seconds_between(start: str | None, end: str | None) -> float | None:
    """From one time of a document to another, or to now; None before the first."""
    began = moment(start)
    if began is None:
        return None
    return ((moment(end) or datetime.now(UTC)) - began).total_seconds()
