"""Runs in the container: prints the given number of lines and adds up the numbers of all inputs."""

import argparse
import importlib
import sys
import time
from pathlib import Path

PROCESSING = Path("/opt/ml/processing")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two lines")
    parser.add_argument("--module", help="import it and print its version")
    parser.add_argument("--fail", help="end with code 3 and this message")
    asked = parser.parse_args()
    for number in range(1, asked.lines + 1):
        print(f"line {number:05}", flush=True)
        time.sleep(asked.pause)
    if asked.module:
        print(asked.module, importlib.import_module(asked.module).__version__, flush=True)
    if asked.fail:
        Path("/opt/ml/output/message").write_text(asked.fail)
        return 3
    files = [path for path in PROCESSING.glob("data/**/*.csv") if path.is_file()]
    total = sum(int(line) for path in files for line in path.read_text().split())
    (PROCESSING / "result" / "sum.txt").write_text(f"{len(files)} files, {total}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
