"""Patterns of terms: `ERROR "not found"` (all of them), `?ERROR ?WARN` (any), `ERROR -DEBUG` (one without another)."""

import re
from collections.abc import Callable

from processing_emulator.domain.log_filter.comparison import invalid_pattern, regex_matcher, unquoted
from processing_emulator.errors import ValidationFailed

_TERM = re.compile(r'\s*([?-]?)(?:("(?:[^"\\]|\\.)*")|%([^%]*)%|([^\s"%]+))(?=\s|$)', re.DOTALL)
_WORD = re.compile(r"\w+")


def compile_terms(pattern: str) -> Callable[[str], bool]:
    """See the package. Terms are case-sensitive and match within words.

    As in the service, `?` terms have no effect next to terms of the other kinds.
    """
    terms: dict[str, list[Callable[[str], bool]]] = {"": [], "?": [], "-": []}
    position = 0
    while position < len(pattern):
        match = _TERM.match(pattern, position)
        if match is None:
            raise invalid_pattern(f"it cannot be read from {pattern[position : position + 40]!r} on")
        terms[match[1]].append(_contains(*match.group(2, 3, 4)))
        position = match.end()
    required, optional, excluded = terms[""], terms["?"], terms["-"]
    if optional and not required and not excluded:
        return lambda message: any(term(message) for term in optional)
    return lambda message: all(term(message) for term in required) and not any(term(message) for term in excluded)


def _contains(quoted: str | None, regex: str | None, word: str | None) -> Callable[[str], bool]:
    if regex is not None:
        return regex_matcher(regex)
    if word is not None and not _WORD.fullmatch(word):
        raise ValidationFailed(f"Invalid character(s) in term '{word}'; put the term in double quotation marks")
    term = unquoted(quoted).strip() if quoted is not None else word or ""
    return lambda message: term in message
