"""docs/reference/operations.md says of every operation, member and refused value what the code does with it."""

from pathlib import Path

from processing_emulator.aws.protocols.model import SERVED
from processing_emulator.aws.signatures.errors import FORMS
from processing_emulator.jobs.quotas import PER_JOB, RUN_TIME, TOTAL, USAGE_SUFFIX, VOLUME
from processing_emulator.jobs.supported_members import (
    GAPS_PAGE,
    MEMBERS,
    OTHER_MEMBERS,
    REFUSED_VALUES,
    Coverage,
    Support,
)
from tests.unit.aws.aws_app import all_services, service_model
from tests.unit.jobs.job_requests import Api

SETTINGS = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"
LINES = (Path(__file__).parents[3] / GAPS_PAGE).read_text(encoding="utf-8").splitlines()


def rows_after(heading: str) -> list[str]:
    """The rows of the first table after a line."""
    start = next(index for index, line in enumerate(LINES) if line.startswith(heading))
    table = next(index for index in range(start, len(LINES)) if LINES[index].startswith("| --- |"))
    end = next(index for index in range(table, len(LINES)) if not LINES[index].startswith("|"))
    return LINES[table + 1 : end]


def operations_below(heading: str) -> dict[str, bool]:
    """Which operations of a service the page says are served."""
    return {row.split("|")[1].strip(" `"): row.split("|")[2].strip() == "yes" for row in rows_after(heading)}


def test_the_page_says_which_operations_are_served() -> None:
    api = Api()
    headings = {
        "sagemaker": "SageMaker",
        "cloudwatch": "CloudWatch",
        "logs": "CloudWatch Logs",
        "events": "EventBridge",
        "ecr": "ECR",
        "sts": "STS",
        "iam": "IAM",
    }
    handlers = {service.name: service.handlers for service in all_services(api)}

    assert set(handlers) == set(SERVED) == set(headings)
    for service, heading in headings.items():
        assert operations_below(f"## {heading}") == {name: name in handlers[service] for name in SERVED[service]}


def test_the_page_of_signatures_has_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "signatures.md").read_text(encoding="utf-8")

    codes = {form.code for forms in FORMS.values() for form in forms.values()}
    assert {code for code in codes if f"`{code}`" not in page} == set()


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


def other_members() -> list[str]:
    """One row for each member of the other requests, and for each of all replies."""
    rows = []
    for name, model in service_model().operations.items():
        requests = [] if name == "CreateProcessingJob" else [model.input]
        for shape in [*requests, *([model.output] if model.output is not None else [])]:
            for member in shape.members:
                item = OTHER_MEMBERS.get(f"{shape.name}.{member}", Coverage(Support.SUPPORTED))
                rows.append(f"| `{name}` | `{shape.name}.{member}` | {item.support} | {item.note} |")
    return rows


def test_the_page_has_exactly_one_row_per_member_of_the_other_requests_and_of_the_replies() -> None:
    expected = other_members()

    assert rows_after("## Members of the other requests") == expected, "\n".join(expected)
    assert all(any(f"`{path}`" in row for row in expected) for path in OTHER_MEMBERS)


def test_the_page_lists_all_quotas() -> None:
    page = SETTINGS.read_text(encoding="utf-8")

    assert all(f"`{name}`" in page for name in (TOTAL, PER_JOB, VOLUME, RUN_TIME, f"ml.m5.xlarge{USAGE_SUFFIX}"))
