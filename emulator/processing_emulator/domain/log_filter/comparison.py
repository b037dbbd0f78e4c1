"""What a pattern compares a value with: a number, a text with wildcards, or a regular expression."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from processing_emulator.domain.regular_expression import RegularExpression, escaped
from processing_emulator.domain.spelled_number import spelled_number
from processing_emulator.errors import ValidationFailed

OPERATOR = r"!=|<=|>=|=|<|>"

VALUE = r'"(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"%&|()\[\]{},=<>!]+'
"""A text in quotes, a regular expression between percent signs, or a bare word."""

_REGEX = re.compile(r"[A-Za-z0-9_#=@/:;,^$?\[\]{}|\\*+. -]+")
"""What the service takes in a regular expression; in particular no parentheses."""

_ORDER: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
)


def invalid_pattern(why: str) -> ValidationFailed:
    """The refusal of a pattern."""
    return ValidationFailed(f"Invalid filter pattern: {why}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One side of a condition. `number` is None where the pattern does not compare with a number."""

    text_matches: Callable[[str], bool]
    number: float | None
    order: Callable[[float, float], bool] | None
    negated: bool

    def holds_for_number(self, value: float, text: str) -> bool:
        """Whether it holds for a number that stands as `text` in the message."""
        if self.order is not None:
            return self.number is not None and self.order(value, self.number)
        is_equal = value == self.number if self.number is not None else self.text_matches(text)
        return is_equal is not self.negated

    def holds_for_text(self, text: str) -> bool:
        """Whether it holds for a text; no text is less or greater than a number."""
        return self.order is None and self.text_matches(text) is not self.negated


def compile_comparison(sign: str, value: str) -> Comparison:
    """From an operator and a value of the pattern. Raises ValidationFailed."""
    number = None if value[0] in '"%' else spelled_number(value)
    order = _ORDER.get(sign)
    if order is not None and number is None:
        raise invalid_pattern(f"{sign} needs a number, not {value}")
    return Comparison(_text_matcher(value), number, order, negated=sign == "!=")


def regex_matcher(text: str) -> Callable[[str], bool]:
    """Whether a regular expression of the service matches somewhere in a text. Raises ValidationFailed."""
    if not _REGEX.fullmatch(text):
        raise invalid_pattern(f"%{text}% has characters that regular expressions may not have")
    try:
        return RegularExpression(text).is_in
    except ValueError as error:
        raise invalid_pattern(f"%{text}% is not a regular expression: {error}") from error


def unquoted(text: str) -> str:
    """A text in quotes without them, and without the backslash before quotes and backslashes."""
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def _text_matcher(value: str) -> Callable[[str], bool]:
    if value.startswith("%"):
        return regex_matcher(value[1:-1])
    literal = unquoted(value) if value.startswith('"') else value
    if "*" not in literal:
        return literal.__eq__
    return RegularExpression(f"^{'.*'.join(map(escaped, re.split(r'[*]+', literal)))}$").is_in
