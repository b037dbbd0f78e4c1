"""Our errors, as botocore's users see them."""

import pytest

from processing_emulator.aws.protocols.json_codec import JsonCodec
from processing_emulator.aws.protocols.wire_errors import (
    BadCredentialScope,
    BodyTooLarge,
    WireError,
    internal_failure,
    wire_error,
)
from processing_emulator.errors import (
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotStoppable,
    MalformedBody,
    QuotaExceeded,
    RequestError,
    TaggedResourceNotFound,
    UnknownOperation,
    Unsupported,
    ValidationFailed,
)
from tests.contract.aws.botocore_side import parsed
from tests.unit.aws.aws_app import service_model

TEXT = "why: \u00e4 'quoted' \"twice\"\n"

DECLARED = [(name, code) for name, model in service_model().operations.items() for code in model.errors]


@pytest.mark.parametrize(("operation", "code"), DECLARED)
def test_a_declared_error_comes_through_botocore_s_parser(operation: str, code: str) -> None:
    reply = JsonCodec().encode_error(WireError(code=code, message=TEXT, message_key="Message"), "id")

    result = parsed(operation, reply.body, reply.status)

    assert reply.status == 400
    assert result["Error"] == {"Code": code, "Message": TEXT}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (ValidationFailed(TEXT), "ValidationException", 400),
        (Unsupported(TEXT), "ValidationException", 400),
        (JobNotFound(TEXT), "ValidationException", 400),
        (JobNotStoppable(TEXT), "ValidationException", 400),
        (JobNameInUse(TEXT), "ResourceInUse", 400),
        (JobNotDeletable(TEXT), "ResourceInUse", 400),
        (QuotaExceeded(TEXT), "ResourceLimitExceeded", 400),
        (TaggedResourceNotFound(TEXT), "ValidationException", 400),
        (MalformedBody(TEXT), "SerializationException", 400),
        (UnknownOperation(TEXT), "UnknownOperationException", 400),
        (BodyTooLarge(TEXT), "RequestEntityTooLargeException", 413),
        (BadCredentialScope(TEXT), "InvalidSignatureException", 400),
        (RequestError(TEXT), "ValidationException", 400),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_of_our_errors_has_the_service_s_code(error: RequestError, code: str, status: int) -> None:
    reply = JsonCodec().encode_error(wire_error(error), "id")

    result = parsed("CreateProcessingJob", reply.body, reply.status)

    assert reply.status == status
    assert result["Error"]["Code"] == code
    assert result["Error"]["Message"] == TEXT


def test_a_new_kind_of_request_error_takes_the_form_of_its_nearest_ancestor() -> None:
    class TooManyInputs(ValidationFailed):
        """A class that the table does not name."""

    assert wire_error(TooManyInputs("x")).code == "ValidationException"


def test_every_request_error_of_ours_has_a_form() -> None:
    assert all(wire_error(kind("x")).code for kind in RequestError.__subclasses__() if kind is not WireError)


def test_a_fault_of_ours_is_an_internal_failure() -> None:
    reply = JsonCodec().encode_error(internal_failure(), "id")

    assert reply.status == 500
    assert parsed("ListProcessingJobs", reply.body, 500)["Error"]["Code"] == "InternalFailure"
