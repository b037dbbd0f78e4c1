"""Refuses the S3 features that the embedded store lacks, by name, and says what to use instead."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.target import subresources_of, target_of

_NOT_IMPLEMENTED: Final = 501
_FULL_STORE: Final = "the embedded S3 store; start the emulator with --s3-endpoint and a full S3 store to use it."


class RefuseUnsupported:
    """Refuses HTML form uploads, and explains what SeaweedFS answers 501 (NotImplemented) to."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_form_upload(scope):
            raise _refusal("An upload by HTML form (presigned POST)")
        is_implemented = True

        async def unless_refused(message: Message) -> None:
            nonlocal is_implemented
            if message["type"] == "http.response.start":
                is_implemented = message["status"] != _NOT_IMPLEMENTED
            if is_implemented:
                await send(message)

        await self._store(scope, receive, unless_refused)
        if not is_implemented:
            raise _refusal(_feature_of(scope))


def _is_form_upload(scope: Scope) -> bool:
    content_type: bytes = dict(scope["headers"]).get(b"content-type", b"")
    is_form = content_type.strip().lower().startswith(b"multipart/form-data")
    return is_form and scope["method"] == "POST" and not target_of(scope).key


def _feature_of(scope: Scope) -> str:
    """What a request asks for, as in `GET ?metadataTable of a bucket`."""
    target = target_of(scope)
    kind = "an object" if target.key else "a bucket" if target.bucket else "the service"
    asked = "&".join(sorted(subresources_of(scope)))
    return f"{scope['method']}{f' ?{asked[:255]}' if asked else ''} of {kind}"


def _refusal(feature: str) -> WireError:
    message = f"{feature} is not part of {_FULL_STORE}"
    return WireError(code="NotImplemented", message=message, status=_NOT_IMPLEMENTED)
