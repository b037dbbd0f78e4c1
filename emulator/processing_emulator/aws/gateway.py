"""The front door: one raw ASGI application for one port, and for every AWS service that is spoken on it.

Decides who a request is for, and answers the JSON protocol itself; the emulator's own endpoints and S3 are
applications of their own, given to it. Refuses what web pages of other sites send.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.body import ClientGone, read_body
from processing_emulator.aws.http.host_guard import RequestGuard
from processing_emulator.aws.http.maintenance_gate import Gate
from processing_emulator.aws.http.reply import (
    JSON_1_1,
    Reply,
    json_error,
    query_error,
    rest_error,
    rpc_cbor_error,
    s3_error,
    send_reply,
)
from processing_emulator.aws.http.request_context import RequestContext, context_of, parse_authorization
from processing_emulator.aws.http.request_id import new_request_id
from processing_emulator.aws.http.routing import Protocol, Route, media_type, route_of
from processing_emulator.aws.protocols.wire_errors import HostRefused, WireError, internal_failure, wire_error
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.aws.services.query_service import QueryDispatcher
from processing_emulator.errors import RequestError

logger = logging.getLogger(__name__)

JSON_BODY_LIMIT_BYTES: Final = 1024 * 1024
"""No valid request of the JSON services served here comes near."""

_COME_AGAIN: Final = WireError(code="ServiceUnavailable", message="The emulator is being reset; try again", status=503)
_FORM_LIMIT_BYTES: Final = 64 * 1024
_JSON_TYPES: Final = frozenset({JSON_1_1, "application/x-amz-json-1.0", "application/json"})
_GAPS: Final = "docs/reference/operations.md lists what the emulator supports"


def front_door(
    *,
    dispatcher: Dispatcher,
    query: QueryDispatcher,
    account_of: Callable[[str], str],
    control: ASGIApp,
    s3: ASGIApp,
    executor: Executor,
    allowed_hosts: Iterable[str] = (),
    gate: Gate | None = None,
    json_body_limit_bytes: int = JSON_BODY_LIMIT_BYTES,
) -> "FrontDoor":
    """The application to serve.

    `control` gets everything below `/_emulator`, `s3` whatever is nobody else's; `executor` runs the operations and
    belongs to the caller. `account_of` tells an access key's account. `allowed_hosts`: what the Host header may name
    beside loopback and `localhost`. While `gate` is closed, all but the emulator's own endpoints wait.
    """
    return FrontDoor(
        dispatcher=dispatcher,
        query=query,
        account_of=account_of,
        control=control,
        s3=s3,
        executor=executor,
        guard=RequestGuard(allowed_hosts),
        gate=gate or Gate(),
        json_body_limit_bytes=json_body_limit_bytes,
    )


class _Request:
    """What the front door reads of a request's head."""

    __slots__ = ("headers", "hosts", "id", "method", "origins", "path", "query")

    def __init__(self, method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.id = new_request_id()
        self.method = method
        self.path = path
        self.query = query
        self.headers = {name: value.decode("latin-1") for name, value in headers}
        self.hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        self.origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]


class FrontDoor:
    """The application; made by `front_door`."""

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        query: QueryDispatcher,
        account_of: Callable[[str], str],
        control: ASGIApp,
        s3: ASGIApp,
        executor: Executor,
        guard: RequestGuard,
        gate: Gate,
        json_body_limit_bytes: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._query = query
        self._account_of = account_of
        self._control = control
        self._s3 = s3
        self._executor = executor
        self._guard = guard
        self._gate = gate
        self._json_body_limit_bytes = json_body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await _lifespan(receive, send)
            case _:  # no WebSocket is spoken here
                await receive()
                await send({"type": "websocket.close", "code": 1008})

    def _context(self, request: _Request) -> RequestContext:
        """Who sends the request. Raises RequestError."""
        refusal = self._guard.refusal(request.hosts, request.origins)
        if refusal is not None:
            raise HostRefused(refusal)
        authorization = parse_authorization(request.headers, request.query)
        return context_of(authorization, request.id, self._account_of)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        try:
            context = self._context(request)
        except RequestError as error:
            await send_reply(send, request.id, json_error(wire_error(error)))
            return
        route = route_of(request.method, request.path, request.headers, context.service, request.query)
        if route.protocol is not Protocol.CONTROL and not await self._gate.passed():
            await send_reply(send, request.id, _come_again(route, request))
            return
        if route.protocol in (Protocol.CONTROL, Protocol.S3):
            app = self._control if route.protocol is Protocol.CONTROL else self._s3
            await _forward(app, request, scope, receive, send)
            return
        try:
            reply = await self._reply(route, request, context, receive)
        except ClientGone:
            return
        await send_reply(send, request.id, reply)

    async def _reply(self, route: Route, request: _Request, context: RequestContext, receive: Receive) -> Reply:
        match route.protocol:
            case Protocol.JSON:
                return await self._json(route.subject, request, context, receive)
            case Protocol.QUERY:
                return await self._form(request, context, receive)
            case Protocol.RPC_CBOR:
                return rpc_cbor_error(_unknown(f"{route.subject[:255]} is not an operation of this emulator"))
            case _:
                return rest_error(_unknown(f"The service {route.subject[:64]} is not part of this emulator"))

    async def _json(self, target: str, request: _Request, context: RequestContext, receive: Receive) -> Reply:
        refusal = _refusal_of_form(target, request.method, request.headers.get(b"content-type", ""))
        if refusal is not None:
            return refusal
        try:
            body = await read_body(receive, self._json_body_limit_bytes)
        except RequestError as error:
            return json_error(wire_error(error))
        if not await self._gate.passed():  # it may have been closed since the head came
            return json_error(_COME_AGAIN)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._dispatcher.reply, target, context, body)

    async def _form(self, request: _Request, context: RequestContext, receive: Receive) -> Reply:
        try:
            body = request.query if request.method == "GET" else await read_body(receive, _FORM_LIMIT_BYTES)
        except RequestError as error:
            return query_error(wire_error(error), request.id)
        if not await self._gate.passed():
            return query_error(_COME_AGAIN, request.id)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._query.reply, context.service, context, body)


def _refusal_of_form(target: str, method: str, content_type: str) -> Reply | None:
    if method == "POST" and media_type(content_type) in _JSON_TYPES:
        return None
    return json_error(_unknown(f"{target[:255]} must be a POST with Content-Type {JSON_1_1}"))


def _unknown(message: str) -> WireError:
    """AWS answers 404 where the request does not even get to a service's dispatcher."""
    return WireError(code="UnknownOperationException", message=f"{message}; {_GAPS}", status=404)


def _come_again(route: Route, request: _Request) -> Reply:
    """SDKs try again by themselves."""
    match route.protocol:
        case Protocol.S3:
            return s3_error(_COME_AGAIN, request.id)
        case Protocol.QUERY:
            return query_error(_COME_AGAIN, request.id)
        case _:
            return json_error(_COME_AGAIN)


async def _forward(app: ASGIApp, request: _Request, scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a request over; whatever fails there is logged once, and answered as long as nothing was sent."""
    started = False

    async def send_with_id(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start":
            started = True
            headers = [*message.get("headers", ()), (b"x-amzn-requestid", request.id.encode())]
            message = {**message, "headers": headers}
        await send(message)

    try:
        await app(scope, receive, send_with_id)
    except Exception:
        logger.exception("request_failed", extra={"path": request.path, "request_id": request.id})
        if not started:
            await send_reply(send, request.id, json_error(internal_failure()))


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing is started or stopped with the server's loop; whoever built the parts does that."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
