"""The Starlette application of the one port: middleware for every request, then an endpoint for each wire protocol."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.aws.http.body import (
    SILENCE_SECONDS,
    BodyTimeoutMiddleware,
    body_limit,
    read_body,
    uncompressed,
)
from processing_emulator.aws.http.error_encoders import CODECS
from processing_emulator.aws.http.held_reply import held_reply, seconds_to_wait
from processing_emulator.aws.http.host_and_origin_guard import HostGuardMiddleware
from processing_emulator.aws.http.maintenance_gate import MaintenanceGate, MaintenanceMiddleware
from processing_emulator.aws.http.reply import send_reply
from processing_emulator.aws.http.request_middleware import RequestMiddleware, context_in, headers_in, protocol_in
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.http.streamed_reply import STREAM_THREADS, send_streamed
from processing_emulator.aws.protocols.codec import Codec, Reply, WireRequest
from processing_emulator.aws.protocols.service_names import name_of_signing
from processing_emulator.aws.protocols.wire_errors import GAPS_PAGE, not_routed
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.jobs.changes import JobChanges
from processing_emulator.open_streams import OpenStreams

OPERATIONS_AT_ONCE: Final = 8
"""Threads that run operations: these share one interpreter lock, and more of them make each slower."""


def create_app(
    *,
    dispatcher: Dispatcher,
    account_of: Callable[[str], str],
    admin: ASGIApp,
    s3: ASGIApp,
    allowed_hosts: Iterable[str] = (),
    changes: JobChanges,
    streams: OpenStreams,
    gate: MaintenanceGate | None = None,
    signature_check: Sequence[Middleware] = (),
    admin_guard: Sequence[Middleware] = (),
    silence_seconds: float = SILENCE_SECONDS,
) -> Starlette:
    """The application to serve.

    `admin` gets everything below `/_emulator`, `s3` what no other protocol claims. `account_of` returns the account of
    an access key. `changes` wakes requests that wait for a job, `streams` ends
    replies that go on. `allowed_hosts`: names allowed in the Host header
    besides loopback and `localhost`. While `gate` is closed, all requests but those to `admin` wait. `signature_check`
    is empty where signatures are not enforced, `admin_guard` where containers may use `/_emulator`.
    """
    limiter = anyio.CapacityLimiter(OPERATIONS_AT_ONCE)
    middleware = [
        Middleware(RequestMiddleware, account_of=account_of),
        Middleware(HostGuardMiddleware, allowed_hosts=allowed_hosts),
        *admin_guard,
        Middleware(BodyTimeoutMiddleware, silence_seconds=silence_seconds),
        Middleware(MaintenanceMiddleware, gate=gate or MaintenanceGate()),
        *signature_check,
    ]
    routes = [
        ProtocolRoute(Protocol.ADMIN, admin),
        ProtocolRoute(Protocol.BROWSER, RedirectResponse(f"{ADMIN_PREFIX}/")),
        *(
            ProtocolRoute(protocol, OperationEndpoint(codec, dispatcher, changes, streams, limiter))
            for protocol, codec in CODECS.items()
        ),
        ProtocolRoute(Protocol.REST, _refuse_rest),
        ProtocolRoute(Protocol.S3, s3),
    ]
    return Starlette(routes=routes, middleware=middleware)


class ProtocolRoute(BaseRoute):
    """Brings the requests of one protocol to their endpoint; paths say too little on a port with many services."""

    def __init__(self, protocol: Protocol, endpoint: ASGIApp) -> None:
        self._protocol = protocol
        self._endpoint = endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """A full match or none."""
        is_match = scope["type"] == "http" and protocol_in(scope) is self._protocol
        return (Match.FULL if is_match else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint."""
        await self._endpoint(scope, receive, send)


class OperationEndpoint:
    """The endpoint of a wire protocol: reads the request, calls the operation in a worker thread, and holds
    the reply back if the client asks for that."""

    def __init__(
        self,
        codec: Codec,
        dispatcher: Dispatcher,
        changes: JobChanges,
        streams: OpenStreams,
        limiter: anyio.CapacityLimiter,
    ) -> None:
        self._codec = codec
        self._dispatcher = dispatcher
        self._changes = changes
        self._streams = streams
        self._limiter = limiter
        self._stream_limiter = anyio.CapacityLimiter(STREAM_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context, headers = context_in(scope), headers_in(scope)
        body = await read_body(receive, body_limit(headers))
        request = WireRequest(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=headers,
            body=uncompressed(body, headers.get(b"content-encoding", ""), body_limit(headers)),
            signing_name=context.service,
        )

        async def run() -> Reply:
            return await anyio.to_thread.run_sync(
                self._dispatcher.reply, self._codec, request, context, limiter=self._limiter
            )

        seconds = seconds_to_wait(headers)
        reply = await held_reply(run, self._changes, seconds, receive) if seconds else await run()
        if reply.chunks is None:
            await send_reply(send, reply)
        else:
            await send_streamed(receive, send, reply, reply.chunks, self._stream_limiter, self._streams)


async def _refuse_rest(scope: Scope, _receive: Receive, _send: Send) -> None:
    """Refuse a service of the REST protocols by its name."""
    signing_name = context_in(scope).service
    service = await anyio.to_thread.run_sync(name_of_signing, signing_name)
    raise not_routed(f"The service {service or signing_name[:64]} is not part of this emulator; see {GAPS_PAGE}")
