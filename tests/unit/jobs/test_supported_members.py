"""The table of what is served, compared with the service model."""

from collections.abc import Iterator
from typing import Any

import pytest

from processing_emulator.aws.protocols.model import Kind, Shape, load_service_model
from processing_emulator.errors import Unsupported
from processing_emulator.jobs.supported_members import (
    APP_MANAGED_ITEMS,
    MEMBERS,
    REFUSED_VALUES,
    S3_URIS,
    Support,
    refuse_unsupported,
)

REQUEST = load_service_model("sagemaker").operations["CreateProcessingJob"].input


def members_below(shape: Shape, path: str) -> Iterator[tuple[str, Shape]]:
    """All members by the paths of the table; nothing below one that is refused."""
    if shape.kind is Kind.LIST and shape.element is not None:
        yield from members_below(shape.element, path)
    for name, member in shape.members.items():
        member_path = f"{path}.{name}".lstrip(".")
        yield member_path, member
        if member_path not in MEMBERS or MEMBERS[member_path].support is not Support.REFUSED:
            yield from members_below(member, member_path)


def test_the_table_names_every_member_of_the_model_and_no_other() -> None:
    assert set(MEMBERS) == {path for path, _ in members_below(REQUEST, "")}


def test_refused_values_are_values_of_the_model() -> None:
    shapes = dict(members_below(REQUEST, ""))

    for path, values in REFUSED_VALUES.items():
        assert set(values) < set(shapes[path].enum)


def test_every_member_that_is_not_plainly_supported_has_a_reason() -> None:
    assert [path for path, item in MEMBERS.items() if item.support is not Support.SUPPORTED and not item.note] == []


def request_with(path: str, value: object, shape: Shape = REQUEST, **more: object) -> Any:
    """A request that holds nothing but the value at a path of the table; it is in the second entry of every list.

    `more`: other members of that entry.
    """
    if shape.kind is Kind.LIST and shape.element is not None:
        return [{}, {**request_with(path, value, shape.element), **more}]
    step, _, rest = path.partition(".")
    return {step: request_with(rest, value, shape.members[step], **more) if rest else value}


def shown(path: str) -> str:
    """A pattern for the path as a refusal shows it."""
    return r"(\[1\])?\.".join(path.split("."))


APP_MANAGED_ONLY = [path for path, item in MEMBERS.items() if item.support is Support.APP_MANAGED]
REFUSED_MEMBERS = [path for path, item in MEMBERS.items() if item.support is Support.REFUSED]


@pytest.mark.parametrize("path", [*REFUSED_MEMBERS, *APP_MANAGED_ONLY])
def test_a_refused_member_is_named_with_its_reason(path: str) -> None:
    with pytest.raises(Unsupported, match=rf"^{shown(path)} is not supported by the emulator \(") as refusal:
        refuse_unsupported(request_with(path, {}))

    assert MEMBERS[path].note in str(refusal.value)


REFUSED = [(path, value) for path, notes in REFUSED_VALUES.items() for value in notes]


@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_a_refused_value_is_named_with_what_is_served(path: str, value: str) -> None:
    with pytest.raises(Unsupported, match=rf"^{shown(path)} {value} is not supported") as refusal:
        refuse_unsupported(request_with(path, value))

    assert REFUSED_VALUES[path][value] in str(refusal.value)


PARENTS = sorted({path.rpartition(".")[0] for path in MEMBERS} - {""})


@pytest.mark.parametrize("path", [path for path in PARENTS if not path.startswith(tuple(APP_MANAGED_ONLY))])
def test_an_unknown_member_is_refused_wherever_it_is(path: str) -> None:
    with pytest.raises(Unsupported, match=rf"^{shown(path)}(\[1\])?\.Newer is not supported"):
        refuse_unsupported(request_with(f"{path}.Newer", 1))


@pytest.mark.parametrize("path", [path for path in PARENTS if path.startswith(tuple(APP_MANAGED_ITEMS))])
def test_an_unknown_member_is_refused_even_in_an_app_managed_item(path: str) -> None:
    with pytest.raises(Unsupported, match=rf"^{shown(path)}(\[1\])?\.Newer is not supported"):
        refuse_unsupported(request_with(f"{path}.Newer", 1, AppManaged=True))


@pytest.mark.parametrize("path", APP_MANAGED_ONLY)
def test_what_only_the_container_can_do_is_served_in_an_app_managed_item(path: str) -> None:
    refuse_unsupported(request_with(path, {}, AppManaged=True))


@pytest.mark.parametrize(("path", "value"), [*REFUSED, *((path, "https://example.com/b") for path in S3_URIS)])
def test_every_value_is_served_in_an_app_managed_item(path: str, value: str) -> None:
    refuse_unsupported(request_with(path, value, AppManaged=True))


@pytest.mark.parametrize("path", S3_URIS)
def test_a_uri_of_another_host_is_named_with_what_is_served(path: str) -> None:
    refuse_unsupported(request_with(path, "https://s3.us-east-1.amazonaws.com/b/k"))
    with pytest.raises(Unsupported, match=rf"^{shown(path)} https://example.com/b is not supported by the emulator \("):
        refuse_unsupported(request_with(path, "https://example.com/b"))


def test_the_first_gap_of_a_request_is_reported() -> None:
    newer, refused = {"Newer": 1}, request_with("ProcessingInputs.DatasetDefinition.InputMode", "Pipe")

    with pytest.raises(Unsupported, match=r"^Newer is"):
        refuse_unsupported({**newer, **refused})
    with pytest.raises(Unsupported, match=r"^ProcessingInputs\[1\]"):
        refuse_unsupported({**refused, **newer})
