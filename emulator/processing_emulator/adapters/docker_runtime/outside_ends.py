"""Tells a container that the engine, or somebody through it, has ended from one that ended itself.

An engine that is told to stop ends its containers with a signal, and so does `docker stop`; both leave an event. Events
are gone after a restart of the engine, and an engine that was killed, or a machine without power, sends none. The
engine does not say either when it was started. But it creates its network `bridge` anew at each start, unless
containers have outlived it (live restore); then the network keeps its time.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.errors import RuntimeFailure, RuntimeUnavailable

logger = logging.getLogger(__name__)

DEFAULT_NETWORK = "bridge"

ENGINE_ENDS = frozenset({137, 143, 255})
"""Exit codes of containers that the engine ended: SIGKILL, SIGTERM, and no process any more."""

START_SECONDS = 15.0
"""An engine that starts ends the containers it finds, with their stop signal and, after 10 s, a kill. Meanwhile they
may answer with any exit code.
"""

EVENT_SECONDS = 0.5
"""The event of a signal may come after the end of a container that ends at once."""


def was_ended_from_outside(engine: Engine, container_id: str, *, engine_was_away: bool) -> bool:
    """See `ContainerRuntime.was_ended_from_outside`."""
    with engine.call(Call.INSPECT) as api:
        try:
            state = api.inspect_container(container_id)["State"]
        except docker.errors.NotFound:
            return False
    if _was_signalled(engine, container_id, state):
        return True
    is_engines_code = state["ExitCode"] in ENGINE_ENDS
    engine_started = _start_of(engine)
    if engine_started is None or engine_started <= datetime.fromisoformat(state["StartedAt"]):
        return engine_was_away and is_engines_code
    seconds = (engine_started - datetime.fromisoformat(state["FinishedAt"])).total_seconds()
    return engine_was_away or is_engines_code or seconds <= START_SECONDS


def _was_signalled(engine: Engine, container_id: str, state: Mapping[str, Any]) -> bool:
    """The engine keeps its last 256 events, and waits for later ones until the given time. A proxy may refuse them."""
    since = datetime.fromisoformat(state["StartedAt"]).timestamp()
    until = datetime.fromisoformat(state["FinishedAt"]).timestamp() + EVENT_SECONDS
    filters = {"container": container_id, "event": "kill"}
    times = {"since": f"{since:.6f}", "until": f"{until:.6f}"}
    try:
        with engine.call(Call.INSPECT) as api:
            return any(api.events(**times, filters=filters))  # type: ignore[call-overload]  # fractions are strings
    except RuntimeUnavailable:
        raise
    except RuntimeFailure as error:
        logger.warning("events not read", extra={"container": container_id[:12], "error": str(error)})
        return False


def _start_of(engine: Engine) -> datetime | None:
    """When the engine was started."""
    with engine.call(Call.NETWORK) as api:
        try:
            return datetime.fromisoformat(api.inspect_network(DEFAULT_NETWORK)["Created"])
        except docker.errors.NotFound:
            return None
