"""Holds requests back while the server is being reset; those that wait too long are asked to retry."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.request_middleware import protocol_in
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.protocols.wire_errors import UnderMaintenance

WAIT_SECONDS: Final = 30.0
"""Less than the time after which SDKs give up a request."""

_NEVER_HELD: Final = frozenset({Protocol.ADMIN, Protocol.BROWSER})


class MaintenanceGate:
    """Open unless closed. Closed from any thread, and waited for in event loops."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._is_closed = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Hold back all requests that arrive during the block. Not reentrant."""
        with self._lock:
            self._is_closed = True
        try:
            yield
        finally:
            with self._lock:
                self._is_closed = False
                for loop, event in self._waiting:
                    loop.call_soon_threadsafe(event.set)

    async def wait_until_open(self) -> None:
        """Raises UnderMaintenance when that takes too long."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if not self._is_closed:
                return
            self._waiting.add(waiter)
        try:
            await asyncio.wait_for(waiter[1].wait(), self._wait_seconds)
        except TimeoutError as error:
            raise UnderMaintenance("The emulator is being reset; try again") from error
        finally:
            with self._lock:
                self._waiting.discard(waiter)


class MaintenanceMiddleware:
    """Lets requests through while the gate is open; the emulator's own endpoints always."""

    def __init__(self, app: ASGIApp, *, gate: MaintenanceGate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or protocol_in(scope) in _NEVER_HELD:
            await self._app(scope, receive, send)
            return

        async def receive_when_open() -> Message:
            """The gate may have been closed while the body was on its way."""
            message = await receive()
            if message["type"] == "http.request":
                await self._gate.wait_until_open()
            return message

        await self._gate.wait_until_open()
        await self._app(scope, receive_when_open, send)
