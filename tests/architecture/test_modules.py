"""The package holds nothing that only tests use, and the SQL store writes no statement as text."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "emulator"
PACKAGE = SOURCES / "processing_emulator"
STARTED_BY_NAME = {
    "processing_emulator.adapters.duckdb_queries.child",  # a script that imports DuckDB, which may not be installed
    "processing_emulator.__main__",  # python -m processing_emulator
    "processing_emulator.cli.main",  # the console script
    "processing_emulator.fast_waits.sitecustomize",  # Python itself, in the clients' programs
}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_is_imported_by_another_module_of_the_product() -> None:
    modules = {module_name(path): path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    used = {name for path in PACKAGE.rglob("*.py") for name in imported_names(path)}

    assert set(modules) - used <= STARTED_BY_NAME


def test_the_sql_store_writes_no_statement_as_text() -> None:
    """But for SQLite's PRAGMA and BEGIN IMMEDIATE, which SQLAlchemy cannot express (its own documented recipe)."""
    forbidden = {"sqlalchemy.text", "sqlalchemy.DDL", "sqlalchemy.literal_column"}
    for path in (PACKAGE / "adapters" / "sql_store").rglob("*.py"):
        assert not forbidden & set(imported_names(path)), f"{path.name} writes SQL as text"
        if path.name != "sqlite.py":
            source = path.read_text(encoding="utf-8")
            assert "exec_driver_sql" not in source, f"{path.name} sends SQL text to the driver"
