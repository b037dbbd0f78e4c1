"""The decision records: each has a title, a date and a status, and the index lists exactly the records there are."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEAD = re.compile(
    r"# (?P<title>.+)\n\n(?P<date>\d{1,2} [A-Z][a-z]+ \d{4})\. (?P<status>Accepted|Superseded by \[\d{4}\]\(.+\))\.\n"
)


def index_line(record: Path) -> str:
    head = HEAD.match(record.read_text(encoding="utf-8"))
    assert head is not None, f"{record.name} does not begin with a title, a date and a status"
    return f"| [{record.name[:4]}]({record.name}) | {head['title']} | {head['date']} | {head['status']} |"


def test_the_index_lists_every_decision_with_its_date_and_status() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")

    lines = [line for line in index.splitlines() if line.startswith("| [")]

    expected = [index_line(record) for record in RECORDS]
    assert lines == expected, "docs/decisions/README.md should list:\n" + "\n".join(expected)


def test_every_decision_says_context_decision_and_consequences() -> None:
    for record in RECORDS:
        text = record.read_text(encoding="utf-8")
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text, f"{record.name} has no {part}"


def test_no_two_decisions_have_one_number() -> None:
    numbers = [record.name[:4] for record in RECORDS]

    assert len(numbers) == len(set(numbers))
