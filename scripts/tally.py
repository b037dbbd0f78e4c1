"""Sums up the test reports of all tiers, and compares lines of tests with lines of source.

Usage: tally.py FOLDER TIER...        (reads FOLDER/TIER.xml, written by pytest --junit-xml)

Exit code 1 when a tier failed, ran nothing, or left no report.
"""

import sys
import xml.etree.ElementTree as ET  # the reports come from our own test runs
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The results of one tier. A setup error, or a missing report, counts as failed."""

    passed: int
    failed: int
    skipped: int
    seconds: float


def read_report(path: Path) -> Count:
    """The counts of one report."""
    if not path.exists():
        return Count(passed=0, failed=1, skipped=0, seconds=0.0)
    suite = ET.parse(path).getroot().find("testsuite")
    assert suite is not None, path
    total, failures, errors, skipped = (int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped"))
    failed = failures + errors
    return Count(
        passed=max(0, total - failed - skipped), failed=failed, skipped=skipped, seconds=float(suite.get("time", "0"))
    )


def count_lines(*folders: str) -> int:
    """Lines of Python in folders of this project."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sum(len(path.read_bytes().splitlines()) for path in paths)


def main() -> int:
    """Print the table and a last line with the totals."""
    folder, tiers = Path(sys.argv[1]), sys.argv[2:]
    counts = {tier: read_report(folder / f"{tier}.xml") for tier in tiers}
    print(f"\n{'tier':<12}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for tier, count in counts.items():
        print(f"{tier:<12}{count.passed:>8}{count.failed:>8}{count.skipped:>9}{count.seconds:>9.0f}")
    tests, source = count_lines("tests"), count_lines("emulator")
    print(f"{tests:,} lines of tests, {source:,} of source: {tests / source:.2f} to 1\n")
    passed, failed, skipped = (
        sum(getattr(count, name) for count in counts.values()) for name in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or any(count.passed == 0 for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
