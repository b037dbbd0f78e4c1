"""Puts off building an application whose libraries take long to import: FastAPI, and the client of the S3 store."""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

A = TypeVar("A", bound=ASGIApp)


class LateApp(Generic[A]):
    """An ASGI application that builds the real one when it is first needed, once, away from the event loop."""

    def __init__(self, build: Callable[[], A]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._app: A | None = None

    @property
    def built(self) -> A | None:
        """The application, if it was needed yet."""
        return self._app

    def warm(self) -> A:
        """Build the application now, or wait until somebody else has; it does not have to be called."""
        with self._lock:
            if self._app is None:
                self._app = self._build()
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await asyncio.to_thread(self.warm)
        await app(scope, receive, send)
