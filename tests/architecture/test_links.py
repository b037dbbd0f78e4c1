"""Every relative link in the documentation leads to a file that exists, and to a heading of it where it names one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "containers").rglob("*.md")),
]
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    for target, heading in LINK.findall(page.read_text(encoding="utf-8")):
        yield (page.parent / target if target else page), heading


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in links_of(page):
        assert target.exists(), f"{page.name} links to {target}"
        if heading:
            assert heading in anchors_of(target), f"{page.name} links to #{heading} of {target.name}"


def test_what_the_invariants_page_names_exists() -> None:
    text = (ROOT / "docs" / "INVARIANTS.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:tests|docs|processing_emulator)/[^`]+)`", text):
        assert (ROOT / path).exists() or (ROOT / "emulator" / path).exists(), f"INVARIANTS.md names {path}"
