"""Patterns for JSON messages: `{ $.level = "ERR*" && ($.status >= 500 || $.list[0].id IS NULL) }`."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from processing_emulator.domain.log_filter.comparison import (
    OPERATOR,
    VALUE,
    Comparison,
    compile_comparison,
    invalid_pattern,
)

_Condition = Callable[[object], bool]
"""Whether it holds for a JSON document."""

_SELECTOR = r"""\$(?:\.?\[(?:\d+|'[^']*'|"[^"]*")\]|\.[^\s.\[\]=<>!()&|"']+)+"""
_STEP = re.compile(r"""\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|\.([^\s.\[\]]+)""")
_CONDITION = re.compile(
    rf"\s*(?P<selector>{_SELECTOR})\s*"
    rf"(?:IS\s+(?P<constant>NULL|TRUE|FALSE)\b|(?P<missing>NOT\s+EXISTS?\b)|(?P<sign>{OPERATOR})\s*(?P<value>{VALUE}))",
    re.IGNORECASE,
)
_SIGN = re.compile(r"\s*(&&|\|\||\(|\)|$)")
_CONSTANTS: Final = {"NULL": None, "TRUE": True, "FALSE": False}
_MISSING: Final = object()
_DEEPEST = 50
"""How many parentheses may be open at once."""


def compile_json(pattern: str) -> Callable[[str], bool]:
    """See the module. A message that is not a JSON object or array never matches."""
    if not pattern.endswith("}"):
        raise invalid_pattern("a pattern that begins with { must end with }")
    holds = _Parser(pattern[1:-1]).parse()

    def matches(message: str) -> bool:
        if not message.lstrip().startswith(("{", "[")):
            return False
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return holds(document)

    return matches


class _Parser:
    """Reads conditions, && before ||."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    def parse(self) -> _Condition:
        condition = self._any()
        if self._peek() != "":
            raise self._unexpected()
        return condition

    def _any(self) -> _Condition:
        conditions = [self._all()]
        while self._take("||"):
            conditions.append(self._all())
        return conditions[0] if len(conditions) == 1 else lambda document: any(test(document) for test in conditions)

    def _all(self) -> _Condition:
        conditions = [self._one()]
        while self._take("&&"):
            conditions.append(self._one())
        return conditions[0] if len(conditions) == 1 else lambda document: all(test(document) for test in conditions)

    def _one(self) -> _Condition:
        if not self._take("("):
            return self._condition()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise invalid_pattern("too many parentheses")
        condition = self._any()
        if not self._take(")"):
            raise self._unexpected()
        self._depth -= 1
        return condition

    def _condition(self) -> _Condition:
        match = _CONDITION.match(self._text, self._position)
        if match is None:
            raise self._unexpected()
        self._position = match.end()
        steps = _steps(match["selector"])
        if match["missing"]:
            return lambda document: _select(document, steps) is _MISSING
        if match["constant"]:
            constant = _CONSTANTS[match["constant"].upper()]
            return lambda document: _select(document, steps) is constant
        comparison = compile_comparison(match["sign"], match["value"])
        is_any = (match["sign"], match["value"].strip('"')) == ("=", "*")
        return lambda document: _holds(comparison, _select(document, steps), is_any=is_any)

    def _peek(self) -> str | None:
        match = _SIGN.match(self._text, self._position)
        return None if match is None else match[1]

    def _take(self, sign: str) -> bool:
        match = _SIGN.match(self._text, self._position)
        if match is None or match[1] != sign:
            return False
        self._position = match.end()
        return True

    def _unexpected(self) -> Exception:
        rest = self._text[self._position : self._position + 40].strip()
        return invalid_pattern(f"it cannot be read from {rest!r} on" if rest else "it ends too early")


def _steps(selector: str) -> Sequence[str | int]:
    steps: list[str | int] = []
    for index, *names in _STEP.findall(selector):
        steps.append(int(index) if index else next((name for name in names if name), ""))
    return steps


def _select(document: object, steps: Sequence[str | int]) -> object:
    found: Any = document
    for step in steps:
        if isinstance(step, int):
            if not isinstance(found, list) or step >= len(found):
                return _MISSING
        elif not isinstance(found, dict) or step not in found:
            return _MISSING
        found = found[step]
    return found


def _holds(comparison: Comparison, value: object, *, is_any: bool) -> bool:
    """A missing property fulfils no comparison; `= "*"` holds for everything but null."""
    if value is _MISSING:
        return False
    if is_any:
        return value is not None
    if isinstance(value, str):
        return comparison.holds_for_text(value)
    text = json.dumps(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return comparison.holds_for_number(value, text)
    return comparison.holds_for_text(text)
