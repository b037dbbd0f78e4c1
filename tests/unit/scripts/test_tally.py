"""scripts/tally.py: the table and the last line of `make test`, and its exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent.parent / "scripts" / "tally.py"


def write_report(folder: Path, tier: str, *, tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> None:
    counts = f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="1.5"'
    (folder / f"{tier}.xml").write_text(f"<testsuites><testsuite {counts}/></testsuites>")


def tally(folder: Path, *tiers: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *tiers], check=False, stdout=subprocess.PIPE, text=True
    )
    return done.returncode, done.stdout.splitlines()


def test_last_line_sums_all_tiers(tmp_path: Path) -> None:
    write_report(tmp_path, "unit", tests=10, skipped=2)
    write_report(tmp_path, "e2e", tests=5)
    code, lines = tally(tmp_path, "unit", "e2e")
    assert (code, lines[-1]) == (0, "13 passed, 0 failed, 2 skipped")
    assert [line.split() for line in lines if line.startswith(("unit", "e2e"))] == [
        ["unit", "8", "0", "2", "2"],
        ["e2e", "5", "0", "0", "2"],
    ]


@pytest.mark.parametrize("report", [{"tests": 3, "failures": 1}, {"tests": 3, "errors": 1}, {"tests": 2, "skipped": 2}])
def test_exit_code_1_on_a_failure_an_error_or_only_skips(tmp_path: Path, report: dict[str, int]) -> None:
    write_report(tmp_path, "unit", **report)
    assert tally(tmp_path, "unit")[0] == 1


def test_exit_code_1_without_a_report(tmp_path: Path) -> None:
    write_report(tmp_path, "unit", tests=1)
    code, lines = tally(tmp_path, "unit", "e2e")
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")
