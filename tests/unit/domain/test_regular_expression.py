"""Regular expressions of users: what they match, what is refused, and that none takes long."""

import pytest

from processing_emulator.domain.regular_expression import RegularExpression, escaped


def test_takes_the_groups_of_the_first_match() -> None:
    expression = RegularExpression(r"(?P<level>[A-Z]+) (?<rest>.*)|(never)")
    assert expression.group_names == ["level", "rest", None]
    assert expression.groups_in("x ERROR é\nende") == ["ERROR", "é\nende", None]
    assert expression.groups_in("nothing") is None


def test_takes_texts_that_are_not_valid_unicode() -> None:
    assert RegularExpression("a(.*)").groups_in("\ud800abc") == ["bc"]
    assert not RegularExpression("x").is_in("\ud800")


def test_an_escaped_text_matches_itself_only() -> None:
    text = "a.b*c [1] \\d é%$"
    assert RegularExpression(f"^{escaped(text)}$").is_in(text)
    assert not RegularExpression(escaped("a.b")).is_in("axb")


@pytest.mark.parametrize("pattern", ["(a|aa)+$", "(x+x+)+y", "a*a*a*a*a*a*a*a*a*a*b", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_no_expression_tries_every_way_to_match(pattern: str) -> None:
    """Each of them would take a program that tries all ways longer than the universe is old."""
    assert not RegularExpression(pattern).is_in("a" * 100_000 + "x" * 100_000 + "!")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a(?=b)", "invalid perl operator: (?="),
        ("(?<!a)b", "invalid perl operator: (?<!"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        ("(a", "missing ): (a"),
        ("((a{1000}){1000}){1000}", "invalid repetition size: {1000}"),
        ("a{1000}" * 100, "pattern too large - compile failed"),
    ],
)
def test_what_cannot_be_searched_so_is_refused_by_its_name(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        RegularExpression(pattern)
    assert str(caught.value) == why


def test_a_group_that_takes_a_part_of_a_character_is_text_all_the_same() -> None:
    assert RegularExpression(r"(\C)").groups_in("é") == ["\ufffd"]
