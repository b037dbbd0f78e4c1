"""Reads the text of a query token by token. The parser says where a regular expression may stand."""

import re
from typing import Final, NamedTuple

from processing_emulator.domain.regular_expression import RegularExpression
from processing_emulator.errors import QueryMalformed

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<quoted>`[^`]+`)
      | (?P<period>\d{1,9}(?:ms|s|m|h|d|w)\b)
      | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<name>@?[A-Za-z_][\w.@]*)
      | (?P<sign>=~|!=|<=|>=|[=<>+\-*/%^(),|\[\]])
    )""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"\s*/((?:[^/\\]|\\.)*)/", re.DOTALL)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Token(NamedTuple):
    """`kind` is a group of the pattern above, or `end`; `value` is the text without quotes."""

    kind: str
    value: str
    start: int
    end: int


class Tokens:
    """The tokens of a query, from the first to the last."""

    def __init__(self, query: str) -> None:
        self.query: Final = _COMMENT.sub(lambda found: " " * len(found[0]), query)
        self._position = 0

    @property
    def position(self) -> int:
        """Where the last token that was taken ends."""
        return self._position

    def peek(self) -> Token:
        """The next token. Raises QueryMalformed for what is none."""
        match = _TOKEN.match(self.query, self._position)
        if match is None or match.lastgroup is None:
            rest = self.query[self._position :].lstrip()
            if not rest:
                return Token("end", "", len(self.query), len(self.query))
            raise QueryMalformed(f"unexpected symbol found {rest[0]!r} at character {len(self.query) - len(rest)}")
        raw, kind = match[match.lastgroup], match.lastgroup
        if kind == "text":
            raw = _ESCAPE.sub(r"\1", raw[1:-1])
        elif kind == "quoted":
            raw, kind = raw[1:-1], "name"
        return Token(kind, raw, match.start(match.lastgroup), match.end())

    def next(self) -> Token:
        """Take the next token."""
        token = self.peek()
        self._position = token.end
        return token

    def take(self, *signs: str) -> str | None:
        """Take the next token if it is one of these signs or, in any case of letters, words."""
        token = self.peek()
        if token.kind in ("sign", "name") and token.value.lower() in signs:
            self._position = token.end
            return token.value.lower()
        return None

    def expect(self, sign: str) -> None:
        """Take a sign or word. Raises QueryMalformed when something else comes."""
        if self.take(sign) is None:
            raise self.unexpected(f"{sign!r}")

    def take_regex(self) -> RegularExpression | None:
        """Take a regular expression between slashes. Raises QueryMalformed when it is not valid."""
        match = _REGEX.match(self.query, self._position)
        if match is None:
            return None
        self._position = match.end()
        return compile_regex(match[1].replace("\\/", "/"))

    def unexpected(self, wanted: str) -> QueryMalformed:
        """The refusal of the next token."""
        token = self.peek()
        found = f"{token.value!r}" if token.kind != "end" else "the end of the query"
        return QueryMalformed(f"{wanted} expected at character {token.start}, found {found}")


def compile_regex(pattern: str) -> RegularExpression:
    """A regular expression with groups in either form, `(?<name>` and `(?P<name>`. Raises QueryMalformed."""
    try:
        return RegularExpression(pattern)
    except ValueError as error:
        raise QueryMalformed(f"invalid regular expression /{pattern}/: {error}") from error
