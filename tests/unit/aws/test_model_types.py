"""The types made from the model: they take only what parsing would not change and validation would let pass."""

import json
from typing import Any

import msgspec
import pytest
from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.aws.protocols.model_types import compile_converter, compile_decoder
from processing_emulator.aws.protocols.narrowing import Narrowing

TEXT = Shape(name="Text", kind=Kind.STRING)
NAME = Shape(name="Name", kind=Kind.STRING, maximum=3, minimum=1, pattern="[a-z]+")
COLOUR = Shape(name="Colour", kind=Kind.STRING, enum=("red", "green"))
SHAPE = Shape(
    name="Request",
    kind=Kind.STRUCTURE,
    required=frozenset({"Name"}),
    members={
        "Name": NAME,
        "Colour": COLOUR,
        "Line": Shape(name="Line", kind=Kind.STRING, maximum=4, pattern=".*"),
        "Short": Shape(name="Short", kind=Kind.STRING, enum=("a", "abc"), maximum=1),
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
decode, convert = compile_decoder(SHAPE), compile_converter(SHAPE)


def converted(document: object) -> object:
    """What the converter makes of a JSON value; None if it refuses."""
    try:
        return convert(document)
    except msgspec.ValidationError:
        return None


def decoded(document: object) -> object:
    """The same of the decoder."""
    try:
        return decode(json.dumps(document).encode())
    except msgspec.DecodeError:
        return None


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
def test_what_is_valid_as_it_stands_is_taken(members: dict[str, Any]) -> None:
    document = {"Name": "abc", **members}

    assert converted(document) == document
    assert decoded(document) == document


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("Name", ["", "abcd", "A", "a\n", None, 1, ["a"]]),
        ("Colour", ["blue", [], {}, None]),
        ("Short", ["a", "abc"]),
        ("Line", ["abcde", 1]),
        ("Any", ["abcde", 1]),
        ("Endless", ["a" * 8193]),
        ("Odd", ["A"]),
        ("Size", [0, 6, 1.5, True, "1", None, 10**30]),
        ("Count", [2**31, -(2**31) - 1]),
        ("Flag", [0, "true", None]),
        ("Share", [0.5, 1, None]),
        ("At", [0, None]),
        ("Names", [[], ["a", "b", "c"], [None], ["A"], "a", {}]),
        ("Table", [{"A": "red"}, {"a": "blue"}, {"a": None}, {"a": "red", "b": "red", "c": "red"}, []]),
        ("Inner", [{"Text": None}, {"Text": 1}, [], "x"]),
    ],
)
def test_of_anything_else_the_types_take_nothing(member: str, values: list[object]) -> None:
    documents = [{"Name": "abc", member: value} for value in values]

    assert [document for document in documents if converted(document) is not None] == []
    assert [document for document in documents if decoded(document) is not None] == []


@pytest.mark.parametrize("text", ["a\n", "\n", "\x85", "\u2028", "a\r"])
def test_line_ends_are_looked_for_where_there_may_be_some(text: str) -> None:
    assert converted({"Name": "abc", "Line": text}) is None


def test_unknown_members_are_dropped() -> None:
    document = {"Name": "abc", "Unknown": [None], "Inner": {"Unknown": {}}}

    assert converted(document) == decoded(document) == {"Name": "abc", "Inner": {}}


@pytest.mark.parametrize("document", [{}, {"Unknown": "abc"}, [], "x", None, 1])
def test_a_request_is_a_structure_with_its_required_members(document: object) -> None:
    assert converted(document) is None
    assert decoded(document) is None


NARROWING = Narrowing(
    members={"Name", "Colour", "Line", "Size", "Names", "Table", "Inner", "Inner.Text"},
    refused_values={"Colour": {"green": "why not"}},
    only_values={"Size": 2},
    only_beginnings={"Line": "s3://", "Inner.Text": "a"},
)


@pytest.mark.parametrize(
    ("members", "is_taken"),
    [
        ({}, True),
        ({"Count": 1}, False),
        ({"Count": 1, "Unknown": 1}, False),
        ({"Unknown": 1}, True),
        ({"Colour": "red"}, True),
        ({"Colour": "green"}, False),
        ({"Table": {"a": "green"}}, True),
        ({"Size": 2}, True),
        ({"Size": 1}, False),
        ({"Size": 6}, False),
        ({"Line": "s3://"}, False),
        ({"Names": ["a"]}, True),
        ({"Inner": {}}, True),
        ({"Inner": {"Text": "ab"}}, True),
        ({"Inner": {"Text": "ba"}}, False),
    ],
    ids=str,
)
def test_only_what_the_narrowing_names_is_taken(members: dict[str, Any], is_taken: bool) -> None:
    body = json.dumps({"Name": "abc", **members}).encode()
    try:
        narrowed = compile_decoder(SHAPE, NARROWING)(body)
    except msgspec.DecodeError:
        narrowed = None

    assert narrowed == (decoded({"Name": "abc", **members}) if is_taken else None)
    assert not is_taken or narrowed is not None


def test_a_value_that_breaks_a_constraint_is_not_taken_though_the_narrowing_names_it() -> None:
    narrowing = Narrowing(members={"Name", "Size"}, refused_values={}, only_values={"Size": 6}, only_beginnings={})

    with pytest.raises(msgspec.DecodeError):
        compile_decoder(SHAPE, narrowing)(b'{"Name": "abc", "Size": 6}')
