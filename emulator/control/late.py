"""Puts off building the control application: importing FastAPI takes longer than everything else at start."""

import threading
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send


class LateApp:
    """An ASGI application that builds the real one when it is first needed, once, away from the event loop."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    def warm(self) -> ASGIApp:
        """Build the application now, or wait until somebody else has; it does not have to be called."""
        with self._lock:
            if self._app is None:
                self._app = self._build()
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await run_in_threadpool(self.warm)
        await app(scope, receive, send)
