"""Every notebook is committed as a complete run has left it, with a plot, and is listed in docs/examples.md."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def code_cells(notebook: Path) -> list[Mapping[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_was_executed_top_to_bottom_and_shows_a_plot(notebook: Path) -> None:
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert all(output["output_type"] != "error" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_name_no_folder_of_the_machine_that_ran_it(notebook: Path) -> None:
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    texts = [json.dumps(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs]
    assert [text for text in texts if re.search(r"/(root|home|Users|work|tmp/tmp)|site-packages", text)] == []


def test_examples_page_lists_every_notebook() -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(\w+)\]", page, re.MULTILINE) != []
    assert sorted(re.findall(r"^\| \[(\w+)\]", page, re.MULTILINE)) == [path.stem for path in NOTEBOOKS]
