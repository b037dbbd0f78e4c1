"""The form of the service's validation message (spec 1.2)."""

import logging

import pytest

from processing_emulator.aws.protocols.java_text import PRINT_LIMIT, java_text
from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.aws.protocols.validation import MOST_VIOLATIONS, compile_validator
from processing_emulator.errors import ValidationFailed

NAME = Shape(name="Name", kind=Kind.STRING, maximum=3, minimum=1, pattern="[a-z]+")
COLOUR = Shape(name="Colour", kind=Kind.STRING, enum=("red", "green"))
ITEM = Shape(name="Item", kind=Kind.STRUCTURE, members={"Name": NAME, "Colour": COLOUR}, required=frozenset({"Name"}))
SHAPE = Shape(
    name="Request",
    kind=Kind.STRUCTURE,
    required=frozenset({"JobName"}),
    members={
        "JobName": NAME,
        "Size": Shape(name="Size", kind=Kind.INTEGER, minimum=1, maximum=5),
        "Flag": Shape(name="Flag", kind=Kind.BOOLEAN),
        "S3Items": Shape(name="Items", kind=Kind.LIST, maximum=2, minimum=1, element=ITEM),
        "Names": Shape(name="Names", kind=Kind.LIST, element=NAME),
        "Colours": Shape(name="Colours", kind=Kind.LIST, element=COLOUR),
        "Environment": Shape(name="Environment", kind=Kind.MAP, key=NAME, element=COLOUR, maximum=2, minimum=0),
        "ItemsByKey": Shape(name="ItemsByKey", kind=Kind.MAP, key=Shape(name="String", kind=Kind.STRING), element=ITEM),
        "Inner": Shape(name="Inner", kind=Kind.STRUCTURE, members={"Item": ITEM}),
    },
)
NAME_RULES = (
    "Member must have length less than or equal to 3, Member must have length greater than or equal to 1, "
    "Member must satisfy regular expression pattern: [a-z]+"
)
validate = compile_validator(SHAPE)


def message(**members: object) -> str:
    """The message for a request that is valid apart from `members`."""
    with pytest.raises(ValidationFailed) as refusal:
        validate({"JobName": "a", **members})
    return str(refusal.value)


def test_a_valid_request_passes() -> None:
    validate(
        {
            "JobName": "abc",
            "Size": 5,
            "Flag": False,
            "S3Items": [{"Name": "a", "Colour": "red"}, {"Name": "b"}],
            "Names": [],
            "Environment": {"k": "green"},
            "Inner": {},
        }
    )


@pytest.mark.parametrize(
    ("members", "violation"),
    [
        ({"JobName": None}, "Value null at 'jobName' failed to satisfy constraint: Member must not be null"),
        (
            {"JobName": "abcd"},
            "Value 'abcd' at 'jobName' failed to satisfy constraint: Member must have length less than or equal to 3",
        ),
        (
            {"JobName": "A"},
            (
                "Value 'A' at 'jobName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-z]+"
            ),
        ),
        (
            {"JobName": "a\n"},
            (
                "Value 'a\n' at 'jobName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-z]+"
            ),
        ),
        (
            {"Size": 0},
            "Value '0' at 'size' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            {"Size": 6},
            "Value '6' at 'size' failed to satisfy constraint: Member must have value less than or equal to 5",
        ),
        (
            {"S3Items": [{"Name": "a", "Colour": "blue"}]},
            (
                "Value 'blue' at 's3Items.1.member.colour' failed to satisfy constraint: "
                "Member must satisfy enum value set: [red, green]"
            ),
        ),
        (
            {"S3Items": [{"Name": "a"}, {}]},
            "Value null at 's3Items.2.member.name' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"S3Items": []},
            "Value '[]' at 's3Items' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            {"S3Items": [{"Name": "a"}, {"Name": "b", "Colour": "red"}, {"Name": "c"}]},
            (
                "Value '[Item(name=a, colour=null), Item(name=b, colour=red), Item(name=c, colour=null)]' at 's3Items' "
                "failed to satisfy constraint: Member must have length less than or equal to 2"
            ),
        ),
        (
            {"Names": ["a", None]},
            "Value null at 'names.2.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"Names": ["a", "abcd", "B"]},
            (
                "Value '[a, abcd, B]' at 'names' failed to satisfy constraint: "
                f"Member must satisfy constraint: [{NAME_RULES}]"
            ),
        ),
        (
            {"Colours": ["blue"]},
            (
                "Value '[blue]' at 'colours' failed to satisfy constraint: "
                "Member must satisfy constraint: [Member must satisfy enum value set: [red, green]]"
            ),
        ),
        (
            {"Environment": {"k": "blue"}},
            (
                "Value '{k=blue}' at 'environment' failed to satisfy constraint: "
                "Map value must satisfy constraint: [Member must satisfy enum value set: [red, green]]"
            ),
        ),
        (
            {"Environment": {"K": "red", "ok": "green"}},
            (
                "Value '{K=red, ok=green}' at 'environment' failed to satisfy constraint: "
                f"Map keys must satisfy constraint: [{NAME_RULES}]"
            ),
        ),
        (
            {"Environment": {"k": None}},
            "Value null at 'environment.k.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"ItemsByKey": {"k": {}}},
            "Value null at 'itemsByKey.k.member.name' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"Inner": {"Item": {}}},
            "Value null at 'inner.item.name' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_one_violation_is_reported_in_the_service_s_form(members: dict[str, object], violation: str) -> None:
    assert message(**members) == f"1 validation error detected: {violation}"


def test_several_violations_are_joined_in_one_message() -> None:
    assert message(JobName="", Size=9) == (
        "3 validation errors detected: "
        "Value '' at 'jobName' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value '' at 'jobName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; "
        "Value '9' at 'size' failed to satisfy constraint: Member must have value less than or equal to 5"
    )


def test_a_list_is_reported_before_its_elements() -> None:
    text = message(S3Items=[{}, {}, {}])

    assert text.startswith("4 validation errors detected: Value '[Item(name=null, colour=null), ")
    assert text.index("at 's3Items' ") < text.index("at 's3Items.1.member.name' ") < text.index("s3Items.3.member")


def test_no_more_than_ten_violations_are_reported() -> None:
    text = message(S3Items=[{}] * 50)

    assert text.startswith(f"{MOST_VIOLATIONS} validation errors detected: ")
    assert text.count("failed to satisfy constraint") == MOST_VIOLATIONS


def test_length_counts_code_points() -> None:
    validate = compile_validator(
        Shape(name="R", kind=Kind.STRUCTURE, members={"T": Shape(name="T", kind=Kind.STRING, maximum=2)})
    )

    validate({"T": "\U0001f600\U0001f600"})


def test_a_string_far_beyond_its_maximum_is_reported_once_and_not_matched() -> None:
    uri = Shape(name="Uri", kind=Kind.STRING, maximum=1024, pattern="(https|s3)://([^/]+)/?(.*)")
    validate = compile_validator(Shape(name="R", kind=Kind.STRUCTURE, members={"U": uri}))

    with pytest.raises(ValidationFailed, match=r"(?s)^1 validation error detected.* less than or equal to 1024$"):
        validate({"U": "s3://" + "a" * 5_000 + "/" + "b" * 5_000 + "\n"})


def test_a_pattern_that_cannot_be_checked_is_logged_and_not_enforced(caplog: pytest.LogCaptureFixture) -> None:
    odd = Shape(name="Odd", kind=Kind.STRING, pattern=r"[\p{Lu}]")

    with caplog.at_level(logging.WARNING):
        compile_validator(Shape(name="R", kind=Kind.STRUCTURE, members={"O": odd}))({"O": "x"})

    assert [record.message for record in caplog.records] == ["pattern not checked"]


def test_values_print_as_java_prints_them() -> None:
    value = {"Item": {"Name": "a"}, "Flag": True}
    shape = Shape(
        name="Outer", kind=Kind.STRUCTURE, members={"Item": ITEM, "Flag": Shape(name="Flag", kind=Kind.BOOLEAN)}
    )

    assert java_text(value, shape) == "Outer(item=Item(name=a, colour=null), flag=true)"


def test_a_long_value_is_cut() -> None:
    names = Shape(name="Names", kind=Kind.LIST, element=NAME)

    for text in (java_text(["abc"] * 100_000, names), java_text("x" * 100_000, NAME)):
        assert len(text) == PRINT_LIMIT + 3
        assert text.endswith("...")
    assert java_text("x" * PRINT_LIMIT, NAME) == "x" * PRINT_LIMIT
