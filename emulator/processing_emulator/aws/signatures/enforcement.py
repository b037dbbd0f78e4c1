"""Stands before the front door when signatures are enforced, and lets only rightly signed requests through.

The emulator's own endpoints stay open. Bodies are read for it, except those of S3, which are checked on their way.
"""

import hashlib
import logging
import re
from datetime import timedelta
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.gateway import JSON_BODY_LIMIT_BYTES
from processing_emulator.aws.http.body import ClientGone, read_body
from processing_emulator.aws.http.reply import json_error, send_reply
from processing_emulator.aws.http.request_context import presigned, signing_name_of
from processing_emulator.aws.http.request_id import new_request_id
from processing_emulator.aws.http.routing import Protocol, Route, route_of
from processing_emulator.aws.protocols.wire_errors import wire_error
from processing_emulator.aws.s3.held_response import WatchedAnswer
from processing_emulator.aws.signatures.credentials import KeyRing
from processing_emulator.aws.signatures.parsing import Flaw, Refused, SignedRequest
from processing_emulator.aws.signatures.payload_digest import CheckedPayload
from processing_emulator.aws.signatures.responses import refusal
from processing_emulator.aws.signatures.verification import EMPTY_SHA256, UNSIGNED_PAYLOAD, Rules, verify
from processing_emulator.errors import RequestError
from processing_emulator.ports import Clock

logger = logging.getLogger(__name__)

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
        route = _route(scope, request)
        match route.protocol:
            case Protocol.CONTROL:
                await self._app(scope, receive, send)
            case Protocol.S3:
                await self._s3(route, request, scope, receive, send)
            case _:
                await self._with_body(route, request, scope, receive, send)

    async def _with_body(
        self, route: Route, request: SignedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Check a request whose signature covers the digest of its body, and hand it on with the body read."""
        try:
            body = await read_body(receive, JSON_BODY_LIMIT_BYTES)
        except ClientGone:
            return
        except RequestError as error:
            await send_reply(send, new_request_id(), json_error(wire_error(error)))
            return
        try:
            self._verify(route, request, hashlib.sha256(body).hexdigest())
        except Refused as refused:
            await _refuse(route.protocol, refused, send)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _s3(self, route: Route, request: SignedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request of S3 by its head; what its signature says of the body is compared while that goes by."""
        header = request.header(b"x-amz-content-sha256")
        named = header or presigned(request.query, "X-Amz-Content-Sha256") or UNSIGNED_PAYLOAD
        try:
            self._verify(route, request, named)
            payload = _checked_payload(request, named, receive)
        except Refused as refused:
            await _refuse(route.protocol, refused, send)
            return
        if payload is None:
            await self._app(scope, receive, send)
            return
        answer = WatchedAnswer(send)
        await self._app(scope, payload.receive, answer.send)
        if payload.refused and not answer.has_begun:
            await _refuse(route.protocol, payload.refused, send)

    def _verify(self, route: Route, request: SignedRequest, payload_sha256: str) -> None:
        rules = {Protocol.S3: _S3_RULES, Protocol.QUERY: _QUERY_RULES}.get(route.protocol, _JSON_RULES)
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


def _route(scope: Scope, request: SignedRequest) -> Route:
    headers = {name: value.decode("latin-1") for name, value in request.headers}
    service = signing_name_of(headers, request.query)
    return route_of(request.method, scope["path"], headers, service, scope["query_string"])


def _has_body(request: SignedRequest) -> bool:
    length = request.header(b"content-length")
    return request.header(b"transfer-encoding") is not None or length not in (None, "0")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then goes on as before."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


async def _refuse(protocol: Protocol, refused: Refused, send: Send) -> None:
    request_id = new_request_id()
    logger.info("signature_refused", extra={"flaw": refused.flaw.value, "request_id": request_id})
    await send_reply(send, request_id, refusal(protocol, refused.flaw, refused.detail, request_id))
