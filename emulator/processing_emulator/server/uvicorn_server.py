"""uvicorn with a beginning and an end: `Ready.` after the seed and the user's scripts, and scripts before it stops."""

import asyncio
import logging
import socket
import threading
from collections.abc import Mapping

import uvicorn
from starlette.types import ASGIApp

from processing_emulator.errors import Cancelled, EmulatorError
from processing_emulator.server.bootstrap import App
from processing_emulator.server.http_protocol import LARGEST_HEAD_BYTES, BoundedHeadProtocol

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_SHUTDOWN_SECONDS = 3


def server_config(asgi: ASGIApp, *, http: type[BoundedHeadProtocol] = BoundedHeadProtocol) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        asgi,
        http=http,
        h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
        ws="none",
        loop="asyncio",
        proxy_headers=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


class PreparedServer(uvicorn.Server):
    """Says Ready once it accepts requests and everything is prepared. `failure` says why that never came."""

    def __init__(self, config: uvicorn.Config, app: App, variables: Mapping[str, str]) -> None:
        super().__init__(config)
        self._app = app
        self._variables = variables
        self._end_scripts = threading.Event()
        self._preparing: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._preparing = asyncio.create_task(self._prepare())

    async def _prepare(self) -> None:
        """Runs while the server serves, because scripts call it."""
        try:
            await asyncio.to_thread(self._app.get_ready, self._variables, self._end_scripts)
        except Cancelled:
            return  # a signal ends the server anyway
        except Exception as error:  # noqa: BLE001  # `serve` raises it
            self.failure = error
            self.should_exit = True
        else:
            print(f"Ready. {self._app.url}", flush=True)
            await asyncio.to_thread(self._app.after_ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            if self._preparing is not None:
                self._end_scripts.set()
                await self._preparing
                await self._wind_down()
        finally:
            self._app.end_streams()
            await super().shutdown(sockets)
            await self._app.close_http()

    async def _wind_down(self) -> None:
        """The scripts for the end, while requests are still answered; a second Ctrl-C ends them."""
        end_scripts = threading.Event()
        running = asyncio.create_task(asyncio.to_thread(self._app.wind_down, self._variables, end_scripts))
        while not (await asyncio.wait({running}, timeout=_LOOK_SECONDS))[0]:
            if self.force_exit:
                end_scripts.set()
        try:
            running.result()
        except EmulatorError as error:
            logger.warning("shutdown script failed", extra={"error": error})
