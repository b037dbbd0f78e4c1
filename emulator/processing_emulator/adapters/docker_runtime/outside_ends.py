"""Tells a container that the engine, or somebody through it, has ended from one that ended itself.

An engine that is told to stop ends its containers with a signal, and so does `docker stop`; both leave events. Events
are gone after a restart of the engine, and an engine that was killed, or a machine without power, sends none. The
engine does not say either when it was started. But it creates its network `bridge` anew at each start, right after it
has ended the containers that it found, unless containers have outlived it (live restore); then the network keeps its
time.
"""

import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.errors import RuntimeFailure, RuntimeUnavailable

logger = logging.getLogger(__name__)

DEFAULT_NETWORK = "bridge"

SIGNAL_CODES = frozenset({137, 143})
"""Exit codes of containers that got SIGKILL or SIGTERM."""

ENGINE_CODES = SIGNAL_CODES | {255}
"""255: the engine has found no process any more. It then dates the end of the container at its own start."""

GRACE_SECONDS = 15.0
"""After the stop signal a container has 10 s, in which it may answer with any exit code. An engine that starts sends it
to the containers that it finds.
"""

EVENT_SECONDS = 0.5
"""The event of a signal may come after the end of a container that ends at once."""


@dataclass(frozen=True, kw_only=True)
class End:
    """A container's end, in the engine's words; `stop_signal` is what `docker stop` sends to it."""

    code: int
    started_at: datetime
    finished_at: datetime
    stop_signal: int = signal.SIGTERM


def was_ended_from_outside(engine: Engine, container_id: str, *, engine_lost_at: datetime | None) -> bool:
    """See `ContainerRuntime.was_ended_from_outside`."""
    with engine.call(Call.INSPECT) as api:
        try:
            end = end_of(api.inspect_container(container_id))
        except docker.errors.NotFound:
            return False
    if _was_signalled(engine, container_id, end):
        return True
    return ended_by_restart(end, _start_of(engine), engine_lost_at=engine_lost_at)


def ended_by_signal(end: End, event: Mapping[str, Any]) -> bool:
    """Whether this event, a `stop` or a `kill`, tells of its end, and not of a signal that it went on after."""
    if event["Action"] == "stop":
        return True
    number = _signal_number(event["Actor"]["Attributes"].get("signal", "SIGTERM"))
    if number == signal.SIGKILL or end.code == 128 + number:
        return True
    seconds = end.finished_at.timestamp() - event["timeNano"] / 1e9
    return number in (signal.SIGTERM, end.stop_signal) and seconds <= GRACE_SECONDS


def ended_by_restart(end: End, engine_started: datetime | None, *, engine_lost_at: datetime | None) -> bool:
    """Whether an engine that was started then has ended it, or did so as it stopped before; its events are gone.

    An engine that stops is lost when its containers have ended. One that is killed is lost at once, and a container
    that ends later, before there is an engine again, ends by itself.
    """
    if engine_started is None:
        return engine_lost_at is not None and end.code in ENGINE_CODES
    if engine_started <= end.started_at:
        return False
    if end.code in SIGNAL_CODES and engine_started > end.finished_at:
        return True
    return any(_are_near(end.finished_at, at) for at in (engine_started, engine_lost_at) if at is not None)


def _are_near(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) <= GRACE_SECONDS


def end_of(document: Mapping[str, Any]) -> End:
    """From the engine's description of a container that has exited."""
    state = document["State"]
    return End(
        code=state["ExitCode"],
        started_at=datetime.fromisoformat(state["StartedAt"]),
        finished_at=datetime.fromisoformat(state["FinishedAt"]),
        stop_signal=_signal_number(document["Config"].get("StopSignal") or "SIGTERM"),
    )


def _signal_number(written: str) -> int:
    """Of a signal as an image names it: `15`, `TERM`, `SIGTERM`. Of one that is not known here, SIGTERM's."""
    if written.isdecimal():
        return int(written)
    name = "SIG" + written.upper().removeprefix("SIG")
    return signal.Signals.__members__.get(name, signal.SIGTERM)


def _was_signalled(engine: Engine, container_id: str, end: End) -> bool:
    """The engine keeps its last 256 events, and waits for later ones until the given time. A proxy may refuse them."""
    since, until = end.started_at.timestamp(), end.finished_at.timestamp() + EVENT_SECONDS
    filters = {"container": container_id, "event": ["kill", "stop"]}
    times: Any = {"since": f"{since:.6f}", "until": f"{until:.6f}"}  # docker-py's types know no fractions of seconds
    try:
        with engine.call(Call.INSPECT) as api:
            return any(ended_by_signal(end, event) for event in api.events(**times, filters=filters, decode=True))
    except RuntimeUnavailable:
        raise
    except RuntimeFailure as error:
        logger.warning("events not read", extra={"container": container_id[:12], "error": str(error)})
        return False


def _start_of(engine: Engine) -> datetime | None:
    """When the engine was started. It may have no such network, or a proxy may refuse to say."""
    try:
        with engine.call(Call.NETWORK) as api:
            return datetime.fromisoformat(api.inspect_network(DEFAULT_NETWORK)["Created"])
    except RuntimeUnavailable:
        raise
    except RuntimeFailure as error:
        logger.debug("start of engine not known", extra={"error": str(error)})
        return None
