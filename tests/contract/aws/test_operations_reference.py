"""docs/reference/operations.md says of every operation, member and refused value what the code does with it."""

from pathlib import Path

from emulator.aws.model import SERVED
from emulator.aws.operations.catalogue import json_operations, sagemaker_handlers
from emulator.jobs.coverage import GAPS_PAGE, MEMBERS, REFUSED_VALUES
from tests.unit.aws.parts import service_model
from tests.unit.jobs.parts import Api

LINES = (Path(__file__).parents[3] / GAPS_PAGE).read_text(encoding="utf-8").splitlines()


def rows_after(heading: str) -> list[str]:
    """The rows of the first table behind a line."""
    start = next(index for index, line in enumerate(LINES) if line.startswith(heading))
    table = next(index for index in range(start, len(LINES)) if LINES[index].startswith("| --- |"))
    end = next(index for index in range(table, len(LINES)) if not LINES[index].startswith("|"))
    return LINES[table + 1 : end]


def test_the_page_says_which_operations_are_served() -> None:
    api = Api()
    served = json_operations(service_model(), sagemaker_handlers(service=api.service, listing=api.listing))

    told = {row.split("|")[1].strip(" `"): row.split("|")[2].strip() == "yes" for row in rows_after("## SageMaker")}

    assert told == {name: f"SageMaker.{name}" in served for name in SERVED["sagemaker"]}


def test_the_page_has_exactly_one_row_per_member() -> None:
    expected = [f"| `{path}` | {item.support} | {item.note} |" for path, item in MEMBERS.items()]

    assert rows_after("## Members of CreateProcessingJob") == expected, "\n".join(expected)


def test_the_page_has_exactly_one_row_per_refused_value() -> None:
    expected = [
        f"| `{path}` | `{value}` | {note} |"
        for path, values in REFUSED_VALUES.items()
        for value, note in values.items()
    ]

    assert rows_after("These values of supported members are refused") == expected, "\n".join(expected)
