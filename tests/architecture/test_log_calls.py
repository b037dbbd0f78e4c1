"""Every call of a logger has a fixed text and plain fields, so that the log can be searched by both."""

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import processing_emulator

SOURCE = Path(processing_emulator.__file__).parent
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
RESERVED = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "action", "time", "level", "logger"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every `logger.METHOD(...)` of the product, with its place."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=method)) if method in METHODS:
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


@pytest.mark.parametrize(("place", "call"), [pytest.param(*found, id=found[0]) for found in log_calls()])
def test_log_call(place: str, call: ast.Call) -> None:
    assert len(call.args) == 1, f"{place}: values belong into extra"
    message = call.args[0]
    assert isinstance(message, ast.Constant), f"{place}: the message is fixed text"
    text = str(message.value)
    assert "%" not in text, f"{place}: values belong into extra"
    assert "_" not in text, f"{place}: the message is words"
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    if isinstance(extra, ast.Dict):
        names = {key.value for key in extra.keys if isinstance(key, ast.Constant)}
        assert names.isdisjoint(RESERVED), f"{place}: {names & RESERVED} mean something else in a record"
