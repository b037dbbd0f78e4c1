"""Runs the server until a signal ends it."""

import logging
import signal
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from processing_emulator import __version__
from processing_emulator.cli.env import client_variables
from processing_emulator.cli.settings_flags import UsageFault
from processing_emulator.config import Settings
from processing_emulator.errors import EmulatorError, HookFailed
from processing_emulator.server.gc_pause import gc_paused
from processing_emulator.server.log_format import set_up_logging
from processing_emulator.server.startup import starting

if TYPE_CHECKING:  # the embedded store starts before these are loaded
    from processing_emulator.server.bootstrap import App
    from processing_emulator.server.uvicorn_server import PreparedServer

logger = logging.getLogger(__name__)


class _ScriptFault(click.ClickException):
    """A script of the user failed: one sentence, exit code 1."""


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """During the start, SIGTERM unwinds as Ctrl-C does, so that no child process or script is left behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(server: "PreparedServer", app: "App") -> None:
    """Serve until SIGINT or SIGTERM. uvicorn raises the signal again when it ends, but there is more to stop then."""
    before = {number: signal.signal(number, _log_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=list(app.sockets))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_signal(number: int, _frame: FrameType | None) -> None:
    logger.info("server stopping", extra={"signal": signal.Signals(number).name})


def serve(settings: Settings, flags: Collection[str] = ()) -> None:
    """Start everything, print `Ready. URL`, serve, and stop everything on a signal.

    `flags`: the settings that were given on the command line.
    """
    set_up_logging(settings.log_level, settings.log_format)
    logger.info("server starting", extra={"version": __version__, "data_dir": settings.data_dir.absolute()})
    try:
        with ExitStack() as stack:
            with _ended_by_sigterm(), gc_paused():
                startup = stack.enter_context(starting(settings))
                from processing_emulator.server.bootstrap import running

                app = stack.enter_context(running(settings, startup, flags))
            _serve(settings, app)
    except HookFailed as error:
        raise _ScriptFault(str(error)) from error
    except EmulatorError as error:
        raise UsageFault(str(error)) from error


def _serve(settings: Settings, app: "App") -> None:
    from processing_emulator.server.uvicorn_server import PreparedServer, server_config

    server = PreparedServer(
        server_config(app.asgi), app, client_variables(settings.model_copy(update={"port": app.port}))
    )
    _run(server, app)
    if server.failure is not None:
        raise server.failure
    left = app.jobs_running()
    hint = "their containers keep running; start the server again to resume them" if left else None
    logger.info("server stopped", extra={"jobs_running": left, "hint": hint})
