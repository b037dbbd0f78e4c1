"""Run as a script: runs one query with DuckDB, in a process of its own that may be killed at any time.

Reads a task as JSON from its input, and writes an answer as JSON: `{"error": "..."}` or what was asked for.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import duckdb

# All names and paths come from the server's catalogue and are quoted; the query is the user's own.
# ruff: noqa: S608

_OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def main() -> None:
    """Do the task."""
    task = json.load(sys.stdin)
    try:
        answer = _tables(task) if task["do"] == "tables" else _run(task)
    except (duckdb.Error, ValueError) as error:
        answer = {"error": " ".join(str(error).split())}
    json.dump(answer, sys.stdout)


def _statement(text: str) -> str:
    """The only statement of a text. Raises ValueError unless it is a query."""
    statements = duckdb.extract_statements(text)
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        raise ValueError("QueryString must be exactly one query (SELECT)")
    return statements[0].query.strip().rstrip(";")


def _tables(task: dict[str, Any]) -> dict[str, Any]:
    with duckdb.connect(":memory:", config=_OPTIONS) as connection:
        (text,) = connection.execute("SELECT json_serialize_sql(?)", [_statement(task["query"])]).fetchall()[0]
    tree = json.loads(text)
    if tree.get("error"):
        raise ValueError(tree.get("error_message", "the query cannot be read"))
    ours = {entry["key"].lower() for node in _nodes(tree) for entry in (node.get("cte_map") or {}).get("map", ())}
    names = {
        (node["catalog_name"], node["schema_name"], node["table_name"])
        for node in _nodes(tree)
        if node.get("type") == "BASE_TABLE"
    }
    return {"tables": sorted(n for n in names if n[0] or n[1] or n[2].lower() not in ours)}


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def _run(task: dict[str, Any]) -> dict[str, Any]:
    options = {**_OPTIONS, "threads": task["threads"], "memory_limit": task["memory"], "temp_directory": task["spill"]}
    with duckdb.connect(":memory:", config=options) as connection:
        catalog = _quoted(task["catalog"])
        connection.execute(f"ATTACH ':memory:' AS {catalog}")
        for schema in {task["schema"], *(table["schema"] for table in task["tables"])}:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{_quoted(schema)}")
        for table in task["tables"]:
            name = f"{catalog}.{_quoted(table['schema'])}.{_quoted(table['name'])}"
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {_reader(table)}")
        connection.execute(f"SET allowed_directories = [{_text(task['folder'])}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        connection.execute(f"USE {catalog}.{_quoted(task['schema'])}")
        connection.execute(f"CREATE TABLE memory.main.result AS {_statement(task['query'])}")
        for index, path in enumerate(task["results"]):
            rows = f"SELECT * FROM memory.main.result WHERE rowid % {len(task['results'])} = {index} ORDER BY rowid"
            connection.execute(f"COPY ({rows}) TO {_text(path)} ({task['copy_options']})")
    return {}


def _reader(table: dict[str, Any]) -> str:
    files = "[" + ", ".join(map(_text, table["files"])) + "]"
    if table["format"] == "parquet":
        return f"read_parquet({files})"
    return f"read_csv({files}, header = {table['header']}, delim = {_text(table['delimiter'])})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    main()
