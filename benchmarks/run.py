"""Measures the emulator next to a peer in the same run: `make bench` prints the table of docs/performance.md.

Absolute times depend on the machine and its load; compare the ratios. `make bench ARGS="api objects"` runs only these
parts.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import api, jobs, logs, objects, pages, staging
from benchmarks.table import heading

PARTS: Mapping[str, Callable[[], None]] = {
    "jobs": jobs.measure,
    "logs": logs.measure,
    "api": api.measure,
    "pages": pages.measure,
    "objects": objects.measure,
    "staging": staging.measure,
}


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise SystemExit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    heading()
    for name in chosen:
        PARTS[name]()


if __name__ == "__main__":
    main()
