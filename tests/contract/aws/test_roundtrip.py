"""What botocore sends comes through our parser whole, and what we send comes through botocore's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processing_emulator.aws.protocols.document_parser import compile_parser
from processing_emulator.aws.protocols.json_codec import decode_json
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of, state_of
from processing_emulator.domain.job import JobId, JobKey, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.jobs.supported_members import MEMBERS
from tests.contract.aws.botocore_side import parsed, serialized
from tests.contract.aws.shapes import values
from tests.unit.aws.aws_app import service_model

OPERATIONS = service_model().operations
REQUESTS = {name: values(model.input, whole_seconds=True) for name, model in OPERATIONS.items()}
REPLIES = {name: values(m.output, whole_seconds=False) for name, m in OPERATIONS.items() if m.output is not None}
PARSERS = {name: compile_parser(model.input) for name, model in OPERATIONS.items()}
VALIDATORS = {name: compile_validator(model.input) for name, model in OPERATIONS.items()}

unhurried = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

MOMENTS = st.integers(0, 10**11).map(lambda ms: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


@pytest.mark.parametrize("operation", list(OPERATIONS))
@unhurried
@given(data=st.data())
def test_what_botocore_sends_comes_through_our_parser(operation: str, data: st.DataObject) -> None:
    parameters: dict[str, Any] = data.draw(REQUESTS[operation])

    request = PARSERS[operation](decode_json(serialized(operation, parameters)))

    assert request == parameters
    assert isinstance(request, dict)
    VALIDATORS[operation](request)


@pytest.mark.parametrize("operation", list(REPLIES))
@unhurried
@given(data=st.data())
def test_any_reply_comes_through_botocore_s_parser(operation: str, data: st.DataObject) -> None:
    reply: dict[str, Any] = data.draw(REPLIES[operation])

    assert parsed(operation, encode_json(reply)) == reply


@st.composite
def jobs(draw: st.DrawFn) -> ProcessingJob:
    """Jobs in any phase, with any request of the model."""
    request: dict[str, Any] = draw(REQUESTS["CreateProcessingJob"])
    created = draw(MOMENTS)
    optional_moment = st.none() | MOMENTS
    return ProcessingJob(
        id=JobId(1),
        key=JobKey(account="000000000000", region="us-east-1", name=request["ProcessingJobName"]),
        phase=draw(st.sampled_from(JobPhase)),
        request={name: value for name, value in request.items() if name != "Tags"},
        created_at=created,
        modified_at=draw(MOMENTS),
        started_at=draw(optional_moment),
        ended_at=draw(optional_moment),
        stop_requested_at=draw(optional_moment),
        failure_reason=draw(st.none() | st.text(st.characters(codec="utf-8"), max_size=20)),
        exit_message=draw(st.none() | st.text(st.characters(codec="utf-8"), max_size=20)),
    )


@unhurried
@given(job=jobs())
def test_any_job_s_description_comes_through_botocore_s_parser(job: ProcessingJob) -> None:
    description = description_of(job)

    assert parsed("DescribeProcessingJob", encode_json(description)) == description


@unhurried
@given(job=jobs())
def test_any_job_s_summary_comes_through_botocore_s_parser(job: ProcessingJob) -> None:
    page = {"ProcessingJobSummaries": [state_of(job)]}

    assert parsed("ListProcessingJobs", encode_json(page)) == page


@unhurried
@given(job=jobs())
def test_a_description_echoes_the_request_and_never_its_tags(job: ProcessingJob) -> None:
    description = description_of(replace(job, request={**job.request, "Tags": [{"Key": "k", "Value": "v"}]}))

    assert "Tags" not in description
    for member in ("RoleArn", "AppSpecification", "ProcessingResources", "Environment", "NetworkConfig"):
        assert description.get(member) == job.request.get(member)
        assert member in MEMBERS


@pytest.mark.parametrize(
    ("at", "number"),
    [
        (datetime(2021, 6, 9, 4, 33, 7, 692000, tzinfo=UTC), b"1623213187.692"),
        (datetime(2021, 6, 9, 4, 33, 7, tzinfo=UTC), b"1623213187.0"),
        (datetime(2021, 6, 9, 4, 33, 7, 692999, tzinfo=UTC), b"1623213187.693"),
    ],
)
def test_moments_are_numbers_with_milliseconds(at: datetime, number: bytes) -> None:
    assert encode_json({"CreationTime": at}) == b'{"CreationTime":' + number + b"}"
