"""Every constraint of the model's requests, tried just inside and just outside; the cases come from the model."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.codec import WireRequest
from processing_emulator.aws.protocols.json_codec import JsonCodec
from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.aws.services.operation import Operation
from processing_emulator.errors import ValidationFailed
from tests.contract.aws.shapes import (
    Site,
    placed,
    sites,
    smallest,
    string_against_pattern,
    string_of_length,
)
from tests.unit.aws.aws_app import service_model

CONTEXT = RequestContext(account="000000000000", region="us-east-1", request_id="r")
MATCHING_EVERYTHING = (r"[\S\s]*", r"[\s\S]+")
SERVICES = ("sagemaker", "ecr")
MODELS = {name: model for service in SERVICES for name, model in service_model(service).operations.items()}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request that is valid (`text` None) or breaks the constraint of this text at `path`."""

    operation: str
    place: str
    label: str
    request: Any
    path: str = ""
    text: str | None = None


def path_of(shape: Shape, site: Site) -> str:
    """How the service writes a place: lowerCamelCase, and `.1.member` for the first element of a list."""
    steps: list[str] = []
    for step in site.steps:
        if step == 0:
            steps += ["1", "member"]
        elif step not in ("key", "value"):
            steps.append(str(step)[0].lower() + str(step)[1:])
    return ".".join(steps)


def violated(shape: Shape, site: Site, constraint: str) -> tuple[str, str]:
    """Where and how a broken constraint of a place is reported: on the list or map itself for scalars in one."""
    path = path_of(shape, site)
    inner = site.steps[-1:]
    if inner == (0,) and site.shape.kind is Kind.STRING:
        return path.removesuffix(".1.member"), f"Member must satisfy constraint: [{texts(site.shape)}]"
    if inner == ("key",):
        return path, f"Map keys must satisfy constraint: [{texts(site.shape)}]"
    if inner == ("value",):
        return path, f"Map value must satisfy constraint: [{texts(site.shape)}]"
    return path, constraint


def texts(shape: Shape) -> str:
    """All constraints of a string as the service lists them."""
    listed = [
        (shape.maximum, f"Member must have length less than or equal to {shape.maximum}"),
        (shape.minimum, f"Member must have length greater than or equal to {shape.minimum}"),
        (shape.pattern, f"Member must satisfy regular expression pattern: {shape.pattern}"),
        (shape.enum or None, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"),
    ]
    return ", ".join(text for present, text in listed if present is not None)


def bounds(shape: Shape) -> Iterator[tuple[str, object, str | None]]:
    """Values at and beyond each bound of a shape: (label, value, None or the text of the broken constraint)."""
    word = "value" if shape.kind is Kind.INTEGER else "length"
    if shape.maximum is not None:
        yield "maximum", sized(shape, shape.maximum), None
        beyond = f"Member must have {word} less than or equal to {shape.maximum}"
        value = sized(shape, shape.maximum + 1)
        yield "beyond maximum", "a" * (shape.maximum + 1) if value is None else value, beyond
    if shape.minimum is not None:
        yield "minimum", sized(shape, shape.minimum), None
        if shape.minimum > 0 or word == "value":
            below = f"Member must have {word} greater than or equal to {shape.minimum}"
            value = sized(shape, shape.minimum - 1)
            yield "below minimum", "a" * (shape.minimum - 1) if value is None else value, below


def sized(shape: Shape, size: int) -> object:
    """A value of that size, or None when the shape's other constraints leave none."""
    match shape.kind:
        case Kind.STRING:
            return string_of_length(shape, size)
        case Kind.LIST if shape.element is not None:
            return [smallest(shape.element) for _ in range(size)]
        case Kind.MAP if shape.element is not None and shape.key is not None:
            return {f"{smallest(shape.key)}{number}": smallest(shape.element) for number in range(size)}
        case _:
            return size


def forms(shape: Shape) -> Iterator[tuple[str, object, str | None]]:
    """Values on both sides of a pattern or an enumeration."""
    if shape.pattern is not None:
        outside = string_against_pattern(shape)
        if outside is not None:
            yield "against pattern", outside, f"Member must satisfy regular expression pattern: {shape.pattern}"
    if shape.enum:
        yield "first of enum", shape.enum[0], None
        yield "last of enum", shape.enum[-1], None
        text = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        yield "not in enum", f"{shape.enum[0]}x", text
        yield "enum in another case", shape.enum[0].swapcase(), text


def cases() -> Iterator[Case]:
    """All cases of all operations of the JSON services."""
    for name, model in MODELS.items():
        yield from cases_of(name, model.input)


def cases_of(name: str, request: Shape) -> Iterator[Case]:
    """All cases of one operation."""
    for site in sites(request):
        place = f"{name} {site}"
        for label, value, constraint in (*bounds(site.shape), *forms(site.shape)):
            if value is None:
                continue
            path, text = violated(request, site, constraint) if constraint is not None else ("", None)
            yield Case(
                operation=name,
                place=place,
                label=label,
                request=placed(request, site.steps, value),
                path=path,
                text=text,
            )
        yield from missing_members(name, request, site)


def missing_members(name: str, request: Shape, site: Site) -> Iterator[Case]:
    """The place with each of its required members left out, and set to null."""
    for member in sorted(site.shape.required):
        whole = smallest(site.shape)
        absent = {other: value for other, value in whole.items() if other != member}
        for label, value in (("without", absent), ("null", {**whole, member: None})):
            inner = Site(steps=(*site.steps, member), shape=site.shape.members[member])
            yield Case(
                operation=name,
                place=f"{name} {site}",
                label=f"{label} {member}",
                request=placed(request, site.steps, value),
                path=path_of(request, inner),
                text="Member must not be null",
            )


def by_place(*, valid: bool) -> list[list[Case]]:
    """The cases, those of one place together."""
    groups: dict[str, list[Case]] = {}
    for case in cases():
        if (case.text is None) is valid:
            groups.setdefault(case.place, []).append(case)
    return list(groups.values())


@pytest.fixture(scope="module")
def operations() -> dict[str, Operation]:
    """Every operation of the model, doing nothing."""
    return {
        name: Operation(service_model(service), name, lambda *_: None)
        for service in SERVICES
        for name in service_model(service).operations
    }


def answered(operation: Operation, case: Case) -> bytes:
    """The reply to the request of a case."""
    body = json.dumps(case.request).encode()
    request = WireRequest(method="POST", path="/", query=b"", headers={}, body=body)
    return operation.reply(JsonCodec(), request, CONTEXT).body


@pytest.mark.parametrize("group", by_place(valid=True), ids=lambda group: group[0].place)
def test_a_value_just_inside_a_constraint_is_accepted(group: list[Case], operations: dict[str, Operation]) -> None:
    for case in group:
        assert answered(operations[case.operation], case) == b"", case.label


@pytest.mark.parametrize("group", by_place(valid=False), ids=lambda group: group[0].place)
def test_a_value_just_outside_a_constraint_is_refused_by_path(
    group: list[Case], operations: dict[str, Operation]
) -> None:
    for case in group:
        with pytest.raises(ValidationFailed) as refusal:
            answered(operations[case.operation], case)

        text = str(refusal.value)
        assert f" at '{case.path}' failed to satisfy constraint: {case.text}" in text, case.label
        assert text.split(" ", 1)[0] == str(text.count("failed to satisfy constraint")), case.label


def test_the_cases_cover_every_constraint_of_create() -> None:
    shape = service_model().operations["CreateProcessingJob"].input
    tried = {f"{case.place} {case.label}" for case in cases()}
    uncovered = [
        f"{site} {label}"
        for site in sites(shape)
        for label, present in (
            ("maximum", site.shape.maximum is not None),
            ("beyond maximum", site.shape.maximum is not None),
            ("below minimum", bool(site.shape.minimum)),
            ("against pattern", site.shape.pattern not in (None, *MATCHING_EVERYTHING)),
            ("not in enum", bool(site.shape.enum)),
        )
        if present and f"CreateProcessingJob {site} {label}" not in tried
    ]

    assert uncovered == []
