"""QueryEngine by DuckDB, each query in a child process: its memory is bounded, and a kill ends it at any point."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from processing_emulator.adapters.seaweedfs.child_process import parent_death_launcher
from processing_emulator.domain.datasets import CatalogueTable, DatasetQuery
from processing_emulator.errors import Cancelled, StagingFailure
from processing_emulator.ports import CancelToken, TableName

THREADS = 2
MEMORY = "1GB"
"""Beyond this a query spills to its folder."""

_LOOK_SECONDS = 0.1


class DuckDbQueries:
    """Implements the port."""

    def is_installed(self) -> bool:
        """See the port."""
        return importlib.util.find_spec("duckdb") is not None

    def tables_of(self, query: DatasetQuery, folder: Path, cancel: CancelToken) -> Sequence[TableName]:
        """See the port."""
        answer = _ask({"do": "tables", "query": query.query}, folder, cancel)
        return [TableName(catalog=catalog, schema=schema, table=table) for catalog, schema, table in answer["tables"]]

    def run(
        self,
        query: DatasetQuery,
        tables: Mapping[CatalogueTable, Sequence[Path]],
        results: Sequence[Path],
        folder: Path,
        cancel: CancelToken,
    ) -> None:
        """See the port."""
        task = {
            "do": "run",
            "query": query.query,
            "catalog": query.catalog,
            "schema": query.schema or query.database,
            "tables": [
                {
                    "schema": query.schema or table.database,
                    "name": table.name,
                    "format": table.format,
                    "header": table.header,
                    "delimiter": table.delimiter,
                    "files": [str(file) for file in files],
                }
                for table, files in tables.items()
            ],
            "results": [str(path) for path in results],
            "copy_options": query.copy_options,
            "folder": str(folder),
            "spill": str(folder / "spill"),
            "threads": THREADS,
            "memory": MEMORY,
        }
        _ask(task, folder, cancel)


def _ask(task: Mapping[str, Any], folder: Path, cancel: CancelToken) -> dict[str, Any]:
    """Let a child do a task."""
    process = subprocess.Popen(
        [*parent_death_launcher(), sys.executable, "-I", str(Path(__file__).with_name("child.py"))],
        cwd=folder,
        env={"HOME": str(folder), "PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the server
    )
    try:
        text: str | None = json.dumps(task)
        while True:
            try:
                output, problems = process.communicate(text, timeout=_LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                text = None
                if cancel.is_set():
                    raise Cancelled from None
    finally:
        process.kill()
        process.communicate()
    if process.returncode:
        last = (problems.strip().splitlines() or ["it said nothing"])[-1]
        raise StagingFailure(f"the query engine ended with exit code {process.returncode}: {last[:300]}")
    answer: dict[str, Any] = json.loads(output)
    if "error" in answer:
        raise StagingFailure(f"the query failed: {answer['error'][:700]}")
    return answer
