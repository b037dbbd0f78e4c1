"""The quick look: yes only where parsing would change nothing and validation would let it pass."""

from typing import Any

import pytest

from emulator.aws.model import Kind, Shape
from emulator.aws.plain import compile_plain

TEXT = Shape(name="Text", kind=Kind.STRING)
NAME = Shape(name="Name", kind=Kind.STRING, maximum=3, minimum=1, pattern="[a-z]+")
COLOUR = Shape(name="Colour", kind=Kind.STRING, enum=("red", "green", "yellow"), maximum=5)
SHAPE = Shape(
    name="Request",
    kind=Kind.STRUCTURE,
    required=frozenset({"Name"}),
    members={
        "Name": NAME,
        "Colour": COLOUR,
        "Line": Shape(name="Line", kind=Kind.STRING, maximum=4, pattern=".*"),
        "Any": Shape(name="Any", kind=Kind.STRING, maximum=4, pattern=r"[\s\S]*"),
        "Endless": Shape(name="Endless", kind=Kind.STRING, pattern="a*"),
        "Odd": Shape(name="Odd", kind=Kind.STRING, pattern=r"[\p{Lu}]"),
        "Size": Shape(name="Size", kind=Kind.INTEGER, minimum=1, maximum=5),
        "Count": Shape(name="Count", kind=Kind.INTEGER),
        "Flag": Shape(name="Flag", kind=Kind.BOOLEAN),
        "Share": Shape(name="Share", kind=Kind.DOUBLE),
        "At": Shape(name="At", kind=Kind.TIMESTAMP),
        "Names": Shape(name="Names", kind=Kind.LIST, element=NAME, minimum=1, maximum=2),
        "Table": Shape(name="Table", kind=Kind.MAP, key=NAME, element=COLOUR, maximum=2),
        "Inner": Shape(name="Inner", kind=Kind.STRUCTURE, members={"Text": TEXT}),
    },
)
is_plain = compile_plain(SHAPE)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"Colour": "green"},
        {"Line": ""},
        {"Line": "a\tb"},
        {"Line": "\u00e9\x1b"},
        {"Line": "abcd"},
        {"Any": "a\n\0"},
        {"Endless": "a" * 8192},
        {"Size": 1},
        {"Count": -(2**31)},
        {"Flag": False},
        {"Names": ["a", "abc"]},
        {"Table": {"a": "red"}},
        {"Inner": {}},
        {"Inner": {"Text": "x" * 100_000}},
    ],
)
def test_what_is_valid_as_it_stands_is_plain(members: dict[str, Any]) -> None:
    assert is_plain({"Name": "abc", **members})


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("Name", ["", "abcd", "A", "a\n", None, 1, ["a"]]),
        ("Colour", ["blue", "yellow", [], {}, None]),
        ("Line", ["a\n", "\x85", "\u2028", "abcde"]),
        ("Any", ["abcde", 1]),
        ("Endless", ["a" * 8193]),
        ("Odd", ["A"]),
        ("Size", [0, 6, 1.0, True, "1", None]),
        ("Count", [2**31, -(2**31) - 1]),
        ("Flag", [0, "true", None]),
        ("Share", [0.5]),
        ("At", [0]),
        ("Names", [[], ["a", "b", "c"], [None], ["A"], "a", {}]),
        ("Table", [{"A": "red"}, {"a": "blue"}, {"a": None}, {"a": "red", "b": "red", "c": "red"}, []]),
        ("Inner", [{"Text": None}, {"Unknown": 1}, [], "x"]),
        ("Unknown", [1]),
    ],
)
def test_of_anything_else_the_quick_look_says_nothing(member: str, values: list[object]) -> None:
    assert [value for value in values if is_plain({"Name": "abc", member: value})] == []


@pytest.mark.parametrize("document", [{}, [], "x", None, 1])
def test_a_request_is_a_structure_with_its_required_members(document: object) -> None:
    assert not is_plain(document)
