"""The table of what is served, beside the service model."""

from collections.abc import Iterator

from emulator.aws.model import Kind, Shape, load_service_model
from emulator.jobs.coverage import MEMBERS, REFUSED_VALUES, Support

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


def test_whatever_is_not_plainly_supported_has_a_reason() -> None:
    assert [path for path, item in MEMBERS.items() if item.support is not Support.SUPPORTED and not item.note] == []
