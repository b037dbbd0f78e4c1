"""Patterns of the model, in Python's dialect."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.aws.protocols.model import Shape
from processing_emulator.aws.protocols.pattern import compile_pattern
from tests.unit.aws.aws_app import service_model

TAG_PATTERN = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)"
ATHENA_PATTERN = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"


def patterns_below(shape: Shape) -> set[str]:
    """All patterns of a shape and of what lies in it."""
    children = [*shape.members.values(), shape.element, shape.key]
    found = {pattern for child in children if child is not None for pattern in patterns_below(child)}
    return found | ({shape.pattern} if shape.pattern is not None else set())


MODEL_PATTERNS = sorted({p for o in service_model().operations.values() for p in patterns_below(o.input)})


@pytest.mark.parametrize("pattern", MODEL_PATTERNS)
def test_every_pattern_of_the_model_translates(pattern: str) -> None:
    assert compile_pattern(pattern).fullmatch("\0\n") is None or "\\S" in pattern


@settings(deadline=None)
@given(st.characters())
def test_tag_alphabet_is_letters_separators_numbers_and_some_signs(character: str) -> None:
    wanted = unicodedata.category(character)[0] in "LZN" or character in "_.:/=+-@"

    assert (compile_pattern(TAG_PATTERN).fullmatch(character) is not None) is wanted


@pytest.mark.parametrize("separator", [c for c in map(chr, range(0x3001)) if unicodedata.category(c)[0] == "Z"])
def test_tag_alphabet_has_every_separator(separator: str) -> None:
    assert compile_pattern(TAG_PATTERN).fullmatch(separator)


@pytest.mark.parametrize("line_end", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_dot_stops_at_java_s_line_ends(line_end: str) -> None:
    assert compile_pattern(".*").fullmatch("a" + line_end) is None
    assert compile_pattern(r"[\s\S]+").fullmatch("a" + line_end)
    assert compile_pattern(r"[.]").fullmatch(line_end) is None


def test_dot_in_a_class_and_escaped_dot_are_dots() -> None:
    assert compile_pattern(r"[.]\.").fullmatch("..")
    assert compile_pattern(r"[.]\.").fullmatch("ab") is None


@pytest.mark.parametrize("pattern", [r"\d{2}", r"[\d]{2}"])
def test_digits_are_ascii_digits(pattern: str) -> None:
    assert compile_pattern(pattern).fullmatch("42")
    assert compile_pattern(pattern).fullmatch("\u0664\u0662") is None


def test_surrogate_pairs_of_java_are_code_points() -> None:
    compiled = compile_pattern(ATHENA_PATTERN)

    assert compiled.fullmatch("\U00010000\U0010ffff\t ")
    assert compiled.fullmatch("\n") is None
    assert compiled.fullmatch("\ufffe") is None


def test_unknown_unicode_class_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(ValueError, match=re.escape(r"\p{Lu}")):
        compile_pattern(r"[\p{Lu}]")


def test_parentheses_group_and_nothing_else() -> None:
    assert compile_pattern(r"(a|b)[(]\(").fullmatch("b((")
    assert compile_pattern("(a)").groups == 0
    assert compile_pattern("a(?!b).").fullmatch("ac")


def test_a_back_reference_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(ValueError, match="back reference"):
        compile_pattern(r"(a)\1")
