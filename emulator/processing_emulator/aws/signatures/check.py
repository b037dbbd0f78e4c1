"""Middleware that refuses requests whose signature is not right. The emulator's own endpoints stay open.

The body of a request is read before the check, except for S3, whose uploads are compared with their digest while they
stream.
"""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.body import BODY_LIMIT_BYTES, read_body
from processing_emulator.aws.http.request_middleware import authorization_in, context_in, protocol_in
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.s3.buffered_response import TrackedResponse
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.aws.signatures.errors import Refusal, SignatureError, wire_error_of
from processing_emulator.aws.signatures.streamed_body import DigestCheckedBody
from processing_emulator.aws.signatures.verification import RequestHead, Rules, verify
from processing_emulator.ports import Clock

_JSON_RULES: Final = Rules(is_s3=False, window=timedelta(minutes=5))
_RULES: Final = {
    Protocol.QUERY: Rules(is_s3=False, window=timedelta(minutes=15)),
    Protocol.S3: Rules(is_s3=True, window=timedelta(minutes=15)),
}
_OPEN: Final = frozenset({Protocol.ADMIN, Protocol.BROWSER})

_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_UNSIGNED_BODIES: Final = frozenset(
    {
        _UNSIGNED,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    }
)
"""Bodies that the signature of the headers does not cover. The signatures of single chunks are not checked."""


class SignatureCheck:
    """See the module."""

    def __init__(self, app: ASGIApp, *, credentials: CredentialStore, clock: Clock) -> None:
        self._app = app
        self._credentials = credentials
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or protocol_in(scope) in _OPEN:
            await self._app(scope, receive, send)
            return
        check = self._check_s3 if protocol_in(scope) is Protocol.S3 else self._check_whole
        try:
            await check(scope, receive, send)
        except SignatureError as error:
            raise wire_error_of(error, protocol_in(scope)) from error

    async def _check_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request whose signature covers the digest of its body."""
        body = await read_body(receive, BODY_LIMIT_BYTES)
        head, digest = _head(scope), hashlib.sha256(body).hexdigest()
        self._verify(scope, head, digest)
        if head.header(b"x-amz-content-sha256") not in (None, digest):
            raise SignatureError(Refusal.PAYLOAD_MISMATCH)
        await self._app(scope, _replayed(body, receive), send)

    async def _check_s3(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request to S3: its headers first, then its body while it streams."""
        head = _head(scope)
        authorization = authorization_in(scope)
        signed = (authorization.content_sha256 if authorization is not None else "") or _UNSIGNED
        self._verify(scope, head, signed)
        if signed in _UNSIGNED_BODIES:
            await self._app(scope, receive, send)
            return
        if not re.fullmatch(r"[0-9a-f]{64}", signed):
            raise SignatureError(Refusal.MALFORMED, "x-amz-content-sha256 must be a SHA-256 in hex, or name a payload.")
        if not _has_body(head) and signed != hashlib.sha256().hexdigest():
            raise SignatureError(Refusal.PAYLOAD_MISMATCH)
        body, response = DigestCheckedBody(receive, signed), TrackedResponse(send)
        await self._app(scope, body.receive, response.send)
        if body.is_wrong and not response.has_begun:
            raise SignatureError(Refusal.PAYLOAD_MISMATCH)

    def _verify(self, scope: Scope, head: RequestHead, payload: str) -> None:
        rules = _RULES.get(protocol_in(scope), _JSON_RULES)
        verify(head, authorization_in(scope), payload, self._credentials, rules, self._clock.now())
        scope["state"]["context"] = replace(context_in(scope), is_verified=True)


def _head(scope: Scope) -> RequestHead:
    return RequestHead(
        method=scope["method"],
        path=scope["raw_path"],
        query=scope["query_string"],
        headers=[(name.lower(), value) for name, value in scope["headers"]],
    )


def _has_body(head: RequestHead) -> bool:
    length = head.header(b"content-length")
    return head.header(b"transfer-encoding") is not None or length not in (None, "0")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body, and then what else the client sends."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
