"""The grammar of metric math: from the text of an expression to a tree.

Numbers, 'texts', ids, [lists], calls, + - * / ^, comparisons, AND and OR, with the usual precedence.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from processing_emulator.errors import ValidationFailed

DEEPEST: Final = 50
"""Levels of nesting that are read."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text, without its quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """An id of the request, or a keyword of a function, such as REPEAT."""

    value: str


@dataclass(frozen=True, slots=True)
class Listed:
    """`[a, b]`."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`NAME(arguments)`."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`-operand`."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Node"
    right: "Node"


Node: TypeAlias = Number | Text | Name | Listed | Call | Unary | Binary

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^%()\[\],<>]))"
)
_LEVELS: Final = (
    frozenset({"OR"}),
    frozenset({"AND"}),
    frozenset({"==", "!=", "<", "<=", ">", ">="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_SYNONYMS: Final = {"&&": "AND", "||": "OR"}


def parse_expression(text: str) -> Node:
    """The tree of an expression. Raises ValidationFailed with what is wrong and where."""
    parser = _Parser(text)
    node = parser.expression(0)
    parser.expect_end()
    return node


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str
    at: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._next = 0
        self._depth = 0

    def _split(self) -> Sequence[_Token]:
        tokens, at = [], 0
        text = self._text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise self._wrong(f"{text[at:].strip()[:20]!r} is not understood", at)
            value = match[match.lastgroup]
            tokens.append(_Token(match.lastgroup, _SYNONYMS.get(value, value), match.start(match.lastgroup)))
            at = match.end()
        return tokens

    def expression(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._power()
        node = self.expression(level + 1)
        while (operator := self._operator(_LEVELS[level])) is not None:
            node = Binary(operator, node, self.expression(level + 1))
        return node

    def _operator(self, operators: frozenset[str]) -> str | None:
        token = self._peek()
        if token is None or token.kind not in ("sign", "name") or token.value.upper() not in operators:
            return None
        self._next += 1
        return token.value.upper()

    def _power(self) -> Node:
        base = self._unary()
        if self._take("^"):
            return Binary("^", base, self._nested(self._power))
        return base

    def _unary(self) -> Node:
        if self._take("-"):
            return Unary(self._nested(self._power))
        if self._take("+"):
            return self._nested(self._power)
        return self._primary()

    def _primary(self) -> Node:
        token = self._peek()
        if token is None:
            raise self._wrong("it ends too early", len(self._text))
        self._next += 1
        match token.kind:
            case "number":
                return Number(float(token.value))
            case "text":
                return Text(token.value[1:-1])
            case "name":
                return Call(token.value.upper(), self._items(")")) if self._take("(") else Name(token.value)
        if token.value == "(":
            node = self._nested(lambda: self.expression(0))
            self._expect(")")
            return node
        if token.value == "[":
            return Listed(self._items("]"))
        raise self._wrong(f"{token.value!r} is not expected", token.at)

    def _items(self, end: str) -> tuple[Node, ...]:
        if self._take(end):
            return ()
        items = [self._nested(lambda: self.expression(0))]
        while self._take(","):
            items.append(self._nested(lambda: self.expression(0)))
        self._expect(end)
        return tuple(items)

    def _nested(self, parse: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong("it is nested too deeply", len(self._text))
        node = parse()
        self._depth -= 1
        return node

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, sign: str) -> bool:
        token = self._peek()
        is_there = token is not None and token.kind == "sign" and token.value == sign
        self._next += is_there
        return is_there

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            token = self._peek()
            raise self._wrong(f"{sign!r} is missing", token.at if token else len(self._text))

    def expect_end(self) -> None:
        token = self._peek()
        if token is not None:
            raise self._wrong(f"{token.value!r} is not expected", token.at)

    def _wrong(self, what: str, at: int) -> ValidationFailed:
        return ValidationFailed(f"Error in expression {self._text[:200]!r}: {what}, at position {at + 1}.")
