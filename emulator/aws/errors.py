"""From our errors to the service's: code, HTTP status, and the key of the message (spec 1.2)."""

from dataclasses import dataclass

from emulator.errors import (
    JobNameInUse,
    JobNotFound,
    JobNotStoppable,
    MalformedBody,
    RequestError,
    UnknownOperation,
    Unsupported,
    ValidationFailed,
)


class BodyTooLarge(RequestError):
    """The body is longer than this server takes."""


class BadCredentialScope(RequestError):
    """The Authorization header names a region that cannot be one."""


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
class _Form:
    code: str
    status: int = 400
    message_key: str = "message"


_FORMS: dict[type[Exception], _Form] = {
    ValidationFailed: _Form("ValidationException"),
    Unsupported: _Form("ValidationException"),
    JobNotFound: _Form("ValidationException"),  # Describe and Stop; the waiter of the SDKs relies on it (spec 1.2)
    JobNotStoppable: _Form("ValidationException"),
    JobNameInUse: _Form("ResourceInUse", message_key="Message"),
    MalformedBody: _Form("SerializationException"),
    UnknownOperation: _Form("UnknownOperationException"),
    BodyTooLarge: _Form("RequestEntityTooLargeException", status=413),
    BadCredentialScope: _Form("InvalidSignatureException"),
    RequestError: _Form("ValidationException"),
}


def wire_error(error: RequestError) -> WireError:
    """The service's error for one of ours: the nearest class of the table."""
    form = next(_FORMS[kind] for kind in type(error).__mro__ if kind in _FORMS)
    return WireError(code=form.code, message=str(error), status=form.status, message_key=form.message_key)


def internal_failure() -> WireError:
    """What a client sees of a fault of ours; the log has the rest, under the same request id."""
    return WireError(
        code="InternalFailure",
        message="The request processing has failed because of an unknown error, exception or failure.",
        status=500,
    )
