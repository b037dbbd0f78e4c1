"""The pages build as a site without a warning: every link leads to a page, and every page has its place."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="(https?://[^"]+)"')


def test_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "site.sh", tmp_path], capture_output=True, text=True, timeout=120, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 50
    loaded = [
        address
        for page in pages
        for address in re.findall(
            r'<(?:script|link|img)\b[^>]*?(?:src|href)="(https?://[^"]+)"', page.read_text("utf-8")
        )
    ]
    assert loaded == []
