"""Builds an application on first use, because its libraries take long to import (FastAPI, aiohttp)."""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

A = TypeVar("A", bound=ASGIApp)


class LazyApp(Generic[A]):
    """An ASGI application that builds the real one once, on the first request, in a thread."""

    def __init__(self, build: Callable[[], A]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._app: A | None = None

    @property
    def built(self) -> A | None:
        """The application, once it was built."""
        return self._app

    def warm(self) -> A:
        """Build the application now. Calling this is optional."""
        with self._lock:
            if self._app is None:
                self._app = self._build()
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app if self._app is not None else await asyncio.to_thread(self.warm)
        await app(scope, receive, send)
