"""From JSON to the model's types; the texts are those of the service's deserializer."""

from datetime import UTC, datetime

import pytest

from processing_emulator.aws.protocols.document_parser import compile_parser
from processing_emulator.aws.protocols.json_codec import decode_json
from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.errors import MalformedBody

STRING = Shape(name="String", kind=Kind.STRING)
SHAPE = Shape(
    name="Request",
    kind=Kind.STRUCTURE,
    members={
        "Text": STRING,
        "Count": Shape(name="Integer", kind=Kind.INTEGER),
        "Big": Shape(name="Long", kind=Kind.LONG),
        "Share": Shape(name="Double", kind=Kind.DOUBLE),
        "Flag": Shape(name="Boolean", kind=Kind.BOOLEAN),
        "At": Shape(name="Timestamp", kind=Kind.TIMESTAMP),
        "Texts": Shape(name="Texts", kind=Kind.LIST, element=STRING),
        "Table": Shape(name="Table", kind=Kind.MAP, key=STRING, element=STRING),
        "Inner": Shape(name="Inner", kind=Kind.STRUCTURE, members={"Text": STRING}),
    },
)
parse = compile_parser(SHAPE)


def test_values_of_every_kind_come_through() -> None:
    document = {
        "Text": "ä",
        "Count": 3,
        "Big": 2**40,
        "Share": 0.5,
        "Flag": True,
        "At": 1623213187.692,
        "Texts": ["a", ""],
        "Table": {"k": "v"},
        "Inner": {"Text": "x"},
    }

    assert parse(document) == {**document, "At": datetime(2021, 6, 9, 4, 33, 7, 692000, tzinfo=UTC)}


def test_unknown_members_and_nulls_are_dropped() -> None:
    assert parse({"Text": None, "Unknown": {"deep": [1]}, "Inner": {"Text": None, "Unknown": 1}}) == {"Inner": {}}


def test_nulls_in_lists_and_maps_are_kept_for_validation() -> None:
    assert parse({"Texts": ["a", None], "Table": {"k": None}}) == {"Texts": ["a", None], "Table": {"k": None}}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"Text": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"Text": 1.5}, "NUMBER_VALUE can not be converted to a String"),
        ({"Text": True}, "TRUE_VALUE can not be converted to a String"),
        ({"Text": False}, "FALSE_VALUE can not be converted to a String"),
        ({"Text": []}, "Start of list found where not expected"),
        ({"Text": {}}, "Start of structure or map found where not expected."),
        ({"Count": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ({"Count": True}, "TRUE_VALUE can not be converted to an Integer"),
        ({"Big": "1"}, "STRING_VALUE can not be converted to a Long"),
        ({"Share": "1"}, "STRING_VALUE can not be converted to a Double"),
        ({"Flag": "true"}, "STRING_VALUE can not be converted to a Boolean"),
        ({"Flag": 1}, "NUMBER_VALUE can not be converted to a Boolean"),
        ({"At": "2026-01-01"}, "STRING_VALUE can not be converted to milliseconds since epoch"),
        ({"Text": 10**5000}, "NUMBER_VALUE can not be converted to a String"),
        ({"Count": float("nan")}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"Big": float("nan")}, "NUMBER_VALUE can not be converted to a Long"),
        ({"At": float("nan")}, "NUMBER_VALUE can not be converted to milliseconds since epoch"),
        ({"At": True}, "TRUE_VALUE can not be converted to milliseconds since epoch"),
        ({"Texts": "a"}, "Expected list or null"),
        ({"Texts": {}}, "Start of structure or map found where not expected."),
        ({"Texts": [1]}, "NUMBER_VALUE can not be converted to a String"),
        ({"Table": 1}, "Expected map or null"),
        ({"Table": []}, "Start of list found where not expected"),
        ({"Table": {"k": 1}}, "NUMBER_VALUE can not be converted to a String"),
        ({"Inner": "x"}, "Expected null"),
        ({"Inner": []}, "Start of list found where not expected"),
        ([], "Start of list found where not expected"),
    ],
)
def test_wrong_types_are_refused_in_the_service_s_words(document: object, text: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        parse(document)

    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("number", "parsed"),
    [(1.9, 1), (-1.9, -1), (2**31, 2**31 - 1), (-(2**40), -(2**31)), (1e300, 2**31 - 1), (float("-inf"), -(2**31))],
)
def test_numbers_for_integers_are_cut_to_32_bits(number: float, parsed: int) -> None:
    assert parse({"Count": number}) == {"Count": parsed}


def test_numbers_for_doubles_may_be_of_any_size() -> None:
    assert parse({"Share": 10**400}) == {"Share": float("inf")}


@pytest.mark.parametrize(
    ("seconds", "year"),
    [
        (10**400, 9999),
        (1e300, 9999),
        (float("inf"), 9999),
        (float("-inf"), 1),
        (-(10**400), 1),
        (-1e300, 1),
        (253402300799, 9999),
        (0, 1970),
    ],
)
def test_moments_outside_the_calendar_become_its_ends(seconds: float, year: int) -> None:
    parsed = parse({"At": seconds})

    assert isinstance(parsed, dict)
    assert parsed["At"].year == year
    assert parsed["At"].tzinfo is UTC


@pytest.mark.parametrize("body", [b'{"Text":"\\ud800"}', b'{"Table":{"\\udc00":"v"}}', b'{"Table":{"k":"a\\ud83d"}}'])
def test_half_a_surrogate_pair_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(decode_json(body))


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse(decode_json(b'{"Text":"\\ud83d\\ude00"}')) == {"Text": "\U0001f600"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b"\xff\xfe{}",
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_json(body)
