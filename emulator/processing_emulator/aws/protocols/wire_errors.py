"""From our errors to the service's: code, HTTP status, and the key of the message (spec 1.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from processing_emulator.errors import (
    EventLimitExceeded,
    EventResourceNotFound,
    InternalBug,
    InvalidEventPattern,
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidParameterValue,
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotStoppable,
    LogExists,
    LogNotFound,
    MalformedBody,
    MissingParameter,
    QueryMalformed,
    QuotaExceeded,
    RequestError,
    TaggedResourceNotFound,
    TooManyQueries,
    TooManyTags,
    UnknownOperation,
    Unsupported,
    ValidationFailed,
)

GAPS_PAGE: Final = "docs/reference/operations.md"
"""Lists what is served."""


class BodyTooLarge(RequestError):
    """The body is longer than this server takes."""


class BodyTimedOut(RequestError):
    """The client stopped sending its body."""


class BadCredentialScope(RequestError):
    """The signature names a region that cannot be one."""


class MalformedHead(RequestError):
    """The head of the request is not what HTTP asks for."""


class HostRefused(RequestError):
    """The Host or Origin header names another site."""


class AdminRefused(RequestError):
    """A container asks for the emulator's own endpoints."""


class UnderMaintenance(RequestError):
    """A reset took longer than a request waits; SDKs retry by themselves."""


class WireError(RequestError):
    """An error in the words of a service: its code, its text and the HTTP status.

    `message_key` is the member of the text in JSON: `Message` for errors of the service's model, else `message`.
    `shape` names the error in JSON and CBOR, where that differs from the code, which is the query protocol's.
    """

    def __init__(
        self,
        *,
        code: str,
        message: str,
        status: int = 400,
        message_key: str = "message",
        shape: str = "",
        log_text: str | None = None,
    ) -> None:
        super().__init__(message, log_text=log_text)
        self.code = code
        self.shape = shape
        self.message = message
        self.status = status
        self.message_key = message_key

    @property
    def document(self) -> dict[str, str]:
        """The error as a JSON or CBOR document."""
        return {"__type": self.shape or self.code, self.message_key: self.message}

    @property
    def query_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header by which clients of JSON and CBOR learn the code of the query protocol."""
        if not self.shape:
            return ()
        fault = "Sender" if self.status < 500 else "Receiver"
        return ((b"x-amzn-query-error", f"{self.code};{fault}".encode()),)


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """A code of a service, its HTTP status, the key of its text, and its shape where that has another name."""

    code: str
    status: int = 400
    message_key: str = "message"
    shape: str = ""


ErrorForms: TypeAlias = Mapping[type[Exception], ErrorForm]
"""How a service or protocol words errors, by class."""

COMMON_FORMS: ErrorForms = MappingProxyType(
    {
        ValidationFailed: ErrorForm("ValidationException"),
        Unsupported: ErrorForm("ValidationException"),
        JobNotFound: ErrorForm("ValidationException"),  # the waiter of the SDKs relies on it (spec 1.2)
        JobNotStoppable: ErrorForm("ValidationException"),
        JobNameInUse: ErrorForm("ResourceInUse", message_key="Message"),
        JobNotDeletable: ErrorForm("ResourceInUse", message_key="Message"),
        QuotaExceeded: ErrorForm("ResourceLimitExceeded", message_key="Message"),
        TaggedResourceNotFound: ErrorForm("ValidationException"),
        MalformedBody: ErrorForm("SerializationException"),
        UnknownOperation: ErrorForm("UnknownOperationException"),
        BodyTooLarge: ErrorForm("RequestEntityTooLargeException", status=413),
        BodyTimedOut: ErrorForm("RequestTimeout", status=408),
        BadCredentialScope: ErrorForm("InvalidSignatureException"),
        MalformedHead: ErrorForm("BadRequest"),
        HostRefused: ErrorForm("AccessDeniedException", status=403),
        AdminRefused: ErrorForm("AccessDeniedException", status=403),
        UnderMaintenance: ErrorForm("ServiceUnavailable", status=503),
        RequestError: ErrorForm("ValidationException"),
    }
)
"""SageMaker's forms, and those of requests that reach no service."""

MODELLED_NOT_FOUND: ErrorForms = MappingProxyType({JobNotFound: ErrorForm("ResourceNotFound", message_key="Message")})
"""For operations that refuse an unknown job as the model declares it (spec 8, question 5)."""

ECR_FORMS: ErrorForms = MappingProxyType(
    {
        ValidationFailed: ErrorForm("InvalidParameterException"),
        Unsupported: ErrorForm("InvalidParameterException"),
    }
)
"""How ECR words validation errors."""

LOGS_FORMS: ErrorForms = MappingProxyType(
    {
        **ECR_FORMS,
        LogNotFound: ErrorForm("ResourceNotFoundException"),
        LogExists: ErrorForm("ResourceAlreadyExistsException"),
        TooManyTags: ErrorForm("TooManyTagsException"),
        QueryMalformed: ErrorForm("MalformedQueryException"),
        TooManyQueries: ErrorForm("LimitExceededException"),
    }
)
"""How CloudWatch Logs words them."""

EVENTS_FORMS: ErrorForms = MappingProxyType(
    {
        InvalidEventPattern: ErrorForm("InvalidEventPatternException"),
        EventResourceNotFound: ErrorForm("ResourceNotFoundException"),
        EventLimitExceeded: ErrorForm("LimitExceededException"),
    }
)
"""How EventBridge words its own errors."""

CLOUDWATCH_FORMS: ErrorForms = MappingProxyType(
    {
        ValidationFailed: ErrorForm("ValidationError"),
        Unsupported: ErrorForm("ValidationError"),
        InvalidParameterValue: ErrorForm("InvalidParameterValue", shape="InvalidParameterValueException"),
        InvalidParameterCombination: ErrorForm(
            "InvalidParameterCombination", shape="InvalidParameterCombinationException"
        ),
        MissingParameter: ErrorForm("MissingParameter", shape="MissingRequiredParameterException"),
        InvalidNextToken: ErrorForm("InvalidNextToken"),
        TaggedResourceNotFound: ErrorForm("ResourceNotFoundException", status=404),
    }
)
"""How CloudWatch words them: its codes are those of the query protocol, which it began with."""


def wire_error(error: RequestError, *forms: ErrorForms) -> WireError:
    """The service's error for one of ours: the nearest class counts, in the first of `forms` that has it."""
    if isinstance(error, WireError):
        return error
    for kind in type(error).__mro__:
        for table in (*forms, COMMON_FORMS):
            if kind in table:
                form = table[kind]
                return WireError(
                    code=form.code,
                    message=str(error),
                    status=form.status,
                    message_key=form.message_key,
                    shape=form.shape,
                    log_text=error.log_text,
                )
    raise InternalBug(f"no form for {type(error).__name__}")


def not_routed(message: str) -> WireError:
    """AWS answers 404 where the request does not even get to a service's dispatcher."""
    return WireError(code="UnknownOperationException", message=message, status=404)


def invalid_uri() -> WireError:
    """What S3 answers to a request target that it cannot parse."""
    return WireError(code="InvalidURI", message="Couldn't parse the specified URI.")


def insufficient_storage(sentence: str) -> WireError:
    """The disk is full. SDKs do not repeat a request that got this status."""
    return WireError(
        code="InsufficientStorage",
        message=f"{sentence} Nothing was stored. Free some space, or delete jobs, objects or everything (reset).",
        status=507,
    )


def state_lost(sentence: str) -> WireError:
    """The database is gone: what this request asks for would be forgotten."""
    return WireError(code="ServiceUnavailable", message=f"{sentence} Nothing was stored.", status=503)


def internal_failure() -> WireError:
    """What a client sees of a fault of ours; the log has the traceback, with the same request id."""
    return WireError(
        code="InternalFailure",
        message="The request processing has failed because of an unknown error, exception or failure.",
        status=500,
    )
