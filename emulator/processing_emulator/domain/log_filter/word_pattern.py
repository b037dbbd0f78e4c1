"""Patterns for the words of a message: `[ip, user, ..., status = 404 || status = 410, bytes > 1000]`."""

import re
from collections.abc import Callable, Sequence

from processing_emulator.domain.log_filter.comparison import (
    OPERATOR,
    VALUE,
    compile_comparison,
    invalid_pattern,
)
from processing_emulator.domain.spelled_number import spelled_number

_Condition = Callable[[str], bool]

_FIELD = re.compile(
    rf"\s*+(?:(?P<rest>\.\.\.)|\w*+\s*+(?P<conditions>(?:(?:&&|\|\|)?\s*+\w*+\s*+(?:{OPERATOR})\s*+(?:{VALUE})\s*+)*+))"
    rf"\s*+(?P<end>,|$)"
)
_CONDITION = re.compile(rf"(&&|\|\|)?\s*+\w*+\s*+({OPERATOR})\s*+({VALUE})")
_WORD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')


def compile_words(pattern: str) -> Callable[[str], bool]:
    """See the module. Text in brackets or quotes is one word; the last field takes the rest of the message."""
    if not pattern.endswith("]"):
        raise invalid_pattern("a pattern that begins with [ must end with ]")
    fields = _fields(pattern[1:-1])
    rests = fields.count(None)
    if rests > 1:
        raise invalid_pattern("it has more than one ellipsis")
    if rests:
        gap = fields.index(None)
        return _matcher_with_gap([field for field in fields if field], gap)
    return _matcher([field for field in fields if field])


def _fields(text: str) -> list[_Condition | None]:
    """The condition of each field; None for the ellipsis."""
    fields: list[_Condition | None] = []
    position, more = 0, True
    while more:
        match = _FIELD.match(text, position)
        if match is None:
            raise invalid_pattern(f"it cannot be read from {text[position : position + 40]!r} on")
        fields.append(None if match["rest"] else _condition(match["conditions"] or ""))
        position, more = match.end(), match["end"] == ","
    return fields


def _condition(text: str) -> _Condition:
    """All conditions of a field: any of the groups between ||, each of them whole."""
    groups: list[list[_Condition]] = [[]]
    for joint, sign, value in _CONDITION.findall(text):
        if joint == "||":
            groups.append([])
        groups[-1].append(_comparison(sign, value))
    return lambda word: any(all(holds(word) for holds in group) for group in groups)


def _comparison(sign: str, value: str) -> _Condition:
    comparison = compile_comparison(sign, value)

    def holds(word: str) -> bool:
        number = spelled_number(word)
        return comparison.holds_for_text(word) if number is None else comparison.holds_for_number(number, word)

    return holds


def _matcher(fields: Sequence[_Condition]) -> Callable[[str], bool]:
    last = len(fields) - 1

    def matches(message: str) -> bool:
        words = list(_WORD.finditer(message))
        if len(words) <= last:
            return False
        values = [_value(word) for word in words[: last + 1]]
        if len(words) > len(fields):
            values[last] = message[words[last].start() :].rstrip()
        return all(map(_holds, fields, values))

    return matches


def _matcher_with_gap(fields: Sequence[_Condition], gap: int) -> Callable[[str], bool]:
    def matches(message: str) -> bool:
        words = [_value(word) for word in _WORD.finditer(message)]
        if len(words) < len(fields):
            return False
        tail = len(fields) - gap
        return all(map(_holds, fields, [*words[:gap], *words[len(words) - tail :]]))

    return matches


def _holds(field: _Condition, word: str) -> bool:
    return field(word)


def _value(word: re.Match[str]) -> str:
    return next(group for group in word.groups() if group is not None)
