"""Runs the server until a signal ends it."""

import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from emulator.bootstrap import App, running
from emulator.cli.settings_flags import UsageFault
from emulator.config import Settings
from emulator.errors import EmulatorError

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 3


class _Server(uvicorn.Server):
    """Says Ready once it really accepts requests."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Ready. {self._app.url}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._app.close_http()


def _run(server: _Server, app: App) -> None:
    """Serve until SIGINT or SIGTERM. uvicorn raises the signal again at its end; there is more to stop then."""
    before = {number: signal.signal(number, _note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=list(app.sockets))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _note(number: int, _frame: FrameType | None) -> None:
    logger.info("ended by signal %d", number, extra={"action": "signal"})


def serve(settings: Settings) -> None:
    """Start everything, say `Ready. URL`, serve, and let go of everything when told to end."""
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        with running(settings) as app:
            for warning in app.warnings:
                print(f"Warning: {warning}", file=sys.stderr, flush=True)
            config = uvicorn.Config(
                app.asgi,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
            _run(_Server(config, app), app)
            left = app.jobs_running()
            if left:
                print(
                    f"{left} job(s) go on in their containers; start the server again to take them up.",
                    file=sys.stderr,
                    flush=True,
                )
    except EmulatorError as error:
        raise UsageFault(str(error)) from error
