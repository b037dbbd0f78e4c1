"""docs/reference/parity.md names, for each check of the parity list, the files with the tests that carry its number."""

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "parity.md"
CHECKS = range(1, 32)


def numbers_of(test: str) -> list[int]:
    """The checks in a test's name: `test_06_08_...` covers checks 6 and 8."""
    match = re.match(r"test((?:_[0-9]{2})+)_", test)
    return [int(number) for number in match[1].strip("_").split("_")] if match else []


def files_by_check() -> dict[int, set[str]]:
    found: defaultdict[int, set[str]] = defaultdict(set)
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for number in numbers_of(node.name):
                    found[number].add(str(path.relative_to(TESTS)))
    return found


def rows() -> dict[int, tuple[set[str], str]]:
    """The page's rows by check: the files it names, and its remark."""
    documented = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdecimal():
            documented[int(cells[0])] = (set(re.findall(r"`([^`]+\.py)`", cells[2])), cells[3])
    return documented


def test_page_has_one_row_per_check() -> None:
    assert list(rows()) == list(CHECKS)


def test_page_names_the_files_with_the_tests_of_each_check() -> None:
    documented = {number: files for number, (files, _) in rows().items()}
    found = files_by_check()
    assert documented == {number: found.get(number, set()) for number in CHECKS}


def test_a_check_without_a_test_has_a_remark() -> None:
    assert [number for number, (files, remark) in rows().items() if not files and not remark] == []


def test_tests_carry_only_numbers_of_checks() -> None:
    assert set(files_by_check()) <= set(CHECKS)
