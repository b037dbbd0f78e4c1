"""A List page of 100 jobs over HTTP, with a million jobs stored and with a thousand."""

import tempfile
from pathlib import Path

from benchmarks.filling import fill
from benchmarks.load import load
from benchmarks.table import row
from tests.e2e.server import EmulatorProcess

FEW, MANY = 1_000, 1_000_000
ROUNDS = 5
ROUND_SECONDS = 2


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_server(Path(folder) / str(count), count) for count in (FEW, MANY))
        try:
            pairs = [(_page_ms(few, FEW), _page_ms(many, MANY)) for _ in range(ROUNDS)]
        finally:
            few.stop()
            many.stop()
    row("a List page of 100 among 1,000", [a for a, _ in pairs], "ms")
    row("a List page of 100 among 1,000,000", [b for _, b in pairs], "ms")
    row("ratio of the two, pair by pair", [b / a for a, b in pairs], "x", "goal 2 x at most")


def _server(folder: Path, count: int) -> EmulatorProcess:
    fill(folder / "data", count)
    return EmulatorProcess(folder / "data", s3_endpoint="http://127.0.0.1:1").start()


def _page_ms(server: EmulatorProcess, count: int) -> float:
    """Milliseconds for a page, requested one at a time over one connection."""
    return 1000 / load(server.url, "list", stored=count, seconds=ROUND_SECONDS, connections=1).per_second
