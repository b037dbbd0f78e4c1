"""Stands before the front door when signatures are enforced, and lets only rightly signed requests through.

The emulator's own endpoints stay open. Bodies are read for it, except those of S3, which are checked on their way.
"""

import hashlib
import re
from datetime import timedelta
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.body import BODY_LIMIT_BYTES, read_body
from processing_emulator.aws.http.request_context import presigned
from processing_emulator.aws.http.request_middleware import protocol_in
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.s3.buffered_response import TrackedResponse
from processing_emulator.aws.signatures.credentials import KeyRing
from processing_emulator.aws.signatures.parsing import Flaw, Refused, SignedRequest
from processing_emulator.aws.signatures.payload_digest import CheckedPayload
from processing_emulator.aws.signatures.responses import refusal
from processing_emulator.aws.signatures.verification import EMPTY_SHA256, UNSIGNED_PAYLOAD, Rules, verify
from processing_emulator.ports import Clock

_JSON_RULES: Final = Rules(is_s3=False, window=timedelta(minutes=5))
_QUERY_RULES: Final = Rules(is_s3=False, window=timedelta(minutes=15))
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_UNCHECKED: Final = frozenset(
    {
        UNSIGNED_PAYLOAD,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    }
)
"""Bodies whose digest the signature of the head does not cover; signatures of single chunks are not checked."""

_S3_RULES: Final = Rules(is_s3=True, window=timedelta(minutes=15))


def enforcing(app: ASGIApp, keys: KeyRing, clock: Clock) -> ASGIApp:
    """`app` behind a check of every request's signature."""
    return _Enforcement(app, keys, clock)


class _Enforcement:
    def __init__(self, app: ASGIApp, keys: KeyRing, clock: Clock) -> None:
        self._app = app
        self._keys = keys
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = SignedRequest(
            method=scope["method"],
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=[(name.lower(), value) for name, value in scope["headers"]],
        )
        protocol = protocol_in(scope)
        match protocol:
            case Protocol.ADMIN | Protocol.BROWSER:
                await self._app(scope, receive, send)
            case Protocol.S3:
                await self._s3(request, scope, receive, send)
            case _:
                await self._with_body(protocol, request, scope, receive, send)

    async def _with_body(
        self, protocol: Protocol, request: SignedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Check a request whose signature covers the digest of its body, and hand it on with the body read."""
        body = await read_body(receive, BODY_LIMIT_BYTES)
        try:
            self._verify(protocol, request, hashlib.sha256(body).hexdigest())
        except Refused as refused:
            raise refusal(protocol, refused.flaw, refused.detail) from refused
        await self._app(scope, _replayed(body, receive), send)

    async def _s3(self, request: SignedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request of S3 by its head; what its signature says of the body is compared while that goes by."""
        header = request.header(b"x-amz-content-sha256")
        named = header or presigned(request.query, "X-Amz-Content-Sha256") or UNSIGNED_PAYLOAD
        try:
            self._verify(Protocol.S3, request, named)
            payload = _checked_payload(request, named, receive)
        except Refused as refused:
            raise refusal(Protocol.S3, refused.flaw, refused.detail) from refused
        if payload is None:
            await self._app(scope, receive, send)
            return
        answer = TrackedResponse(send)
        await self._app(scope, payload.receive, answer.send)
        if payload.refused and not answer.has_begun:
            raise refusal(Protocol.S3, payload.refused.flaw, payload.refused.detail)

    def _verify(self, protocol: Protocol, request: SignedRequest, payload_sha256: str) -> None:
        rules = {Protocol.S3: _S3_RULES, Protocol.QUERY: _QUERY_RULES}.get(protocol, _JSON_RULES)
        verify(request, payload_sha256, self._keys, rules, self._clock.now())


def _checked_payload(request: SignedRequest, named: str, receive: Receive) -> CheckedPayload | None:
    """The body, checked while it streams; None where the signature covers the headers only.

    `named` is the value of x-amz-content-sha256. Raises Refused.
    """
    if named in _UNCHECKED:
        return None
    if not _DIGEST.fullmatch(named):
        raise Refused(Flaw.BAD_PAYLOAD_KIND)
    if _has_body(request):
        return CheckedPayload(receive, named)
    if named != EMPTY_SHA256:
        raise Refused(Flaw.BAD_PAYLOAD)
    return None


def _has_body(request: SignedRequest) -> bool:
    length = request.header(b"content-length")
    return request.header(b"transfer-encoding") is not None or length not in (None, "0")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then goes on as before."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
