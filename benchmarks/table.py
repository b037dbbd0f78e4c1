"""Prints the rows of the table in docs/performance.md."""

import statistics
import time
from collections.abc import Callable, Sequence


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def heading() -> None:
    """Print the table's header."""
    print("| what | median | range | note |\n| --- | --- | --- | --- |", flush=True)


def row(what: str, figures: Sequence[float], unit: str, note: str = "") -> float:
    """Print one row; returns the median."""
    middle = statistics.median(figures)
    digits = 0 if middle >= 100 else 2
    spread = f"{min(figures):,.{digits}f} - {max(figures):,.{digits}f}"
    print(f"| {what} | {middle:,.{digits}f} {unit} | {spread} | {note} |", flush=True)
    return middle
