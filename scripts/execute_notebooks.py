"""Executes notebooks top to bottom, each in an empty folder, and writes them with their outputs into a folder.

Usage: execute_notebooks.py FOLDER NOTEBOOK...      (with a Python that has nbclient and ipykernel)
"""

import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_SECONDS = 600


def execute(source: Path, target: Path) -> None:
    """Raises CellExecutionError with the cell and its traceback."""
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=CELL_SECONDS,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # without the version, which differs by machine
    nbformat.write(notebook, target)


def main(folder: str, *notebooks: str) -> int:
    """Print a line for each notebook; the exit code is 1 when one fails."""
    for notebook in map(Path, notebooks):
        began = time.monotonic()
        try:
            execute(notebook, Path(folder) / notebook.name)
        except CellExecutionError as error:
            print(f"{notebook.name}: {error}", file=sys.stderr)
            return 1
        print(f"{notebook.name} {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
