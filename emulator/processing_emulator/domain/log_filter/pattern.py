"""From the text of a filter pattern to a function that tells which messages match."""

from collections.abc import Callable
from typing import TypeAlias

from processing_emulator.domain.log_filter.json_pattern import compile_json
from processing_emulator.domain.log_filter.terms import compile_terms
from processing_emulator.domain.log_filter.word_pattern import compile_words

Matches: TypeAlias = Callable[[str], bool]


def compile_filter(pattern: str) -> Matches:
    """A function that says whether a message matches. Raises ValidationFailed for a pattern that is not valid."""
    text = pattern.strip()
    if text.startswith("{"):
        return compile_json(text)
    if text.startswith("["):
        return compile_words(text)
    return compile_terms(text)
