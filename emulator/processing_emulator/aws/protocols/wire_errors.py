"""From our errors to the service's: code, HTTP status, and the key of the message (spec 1.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from processing_emulator.errors import (
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotStoppable,
    LogNotFound,
    MalformedBody,
    QuotaExceeded,
    RequestError,
    TaggedResourceNotFound,
    UnknownOperation,
    Unsupported,
    ValidationFailed,
)


class BodyTooLarge(RequestError):
    """The body is longer than this server takes."""


class BadCredentialScope(RequestError):
    """The Authorization header names a region that cannot be one."""


class HostRefused(RequestError):
    """The Host or Origin header names another site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireError:
    """An error as the JSON protocols carry it. The service's modelled errors have `Message`, all others `message`."""

    code: str
    message: str
    status: int = 400
    message_key: str = "message"

    @property
    def document(self) -> dict[str, str]:
        """The body of the reply."""
        return {"__type": self.code, self.message_key: self.message}


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """A code of a service, its HTTP status, and the key of its text."""

    code: str
    status: int = 400
    message_key: str = "message"


ErrorForms: TypeAlias = Mapping[type[Exception], ErrorForm]
"""How a service words errors: the nearest class counts."""

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
        BadCredentialScope: ErrorForm("InvalidSignatureException"),
        HostRefused: ErrorForm("AccessDeniedException", status=403),
        RequestError: ErrorForm("ValidationException"),
    }
)
"""SageMaker's forms, and those of requests that get to no service."""

MODELLED_NOT_FOUND: ErrorForms = MappingProxyType({JobNotFound: ErrorForm("ResourceNotFound", message_key="Message")})
"""For the operations that answer an unknown job as the model declares it (spec 8, question 5)."""

ECR_FORMS: ErrorForms = MappingProxyType(
    {
        ValidationFailed: ErrorForm("InvalidParameterException"),
        Unsupported: ErrorForm("InvalidParameterException"),
    }
)
"""How the container registry words its own."""

LOGS_FORMS: ErrorForms = MappingProxyType({**ECR_FORMS, LogNotFound: ErrorForm("ResourceNotFoundException")})
"""CloudWatch Logs has codes of its own, too."""


def wire_error(error: RequestError, forms: ErrorForms = COMMON_FORMS) -> WireError:
    """The service's error for one of ours: the nearest class of `forms`, then of the common ones."""
    classes = type(error).__mro__
    form = next((forms[kind] for kind in classes if kind in forms), None)
    form = form or next(COMMON_FORMS[kind] for kind in classes if kind in COMMON_FORMS)
    return WireError(code=form.code, message=str(error), status=form.status, message_key=form.message_key)


def internal_failure() -> WireError:
    """What a client sees of a fault of ours; the log has the rest, under the same request id."""
    return WireError(
        code="InternalFailure",
        message="The request processing has failed because of an unknown error, exception or failure.",
        status=500,
    )
