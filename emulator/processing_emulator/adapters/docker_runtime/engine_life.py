"""Tells whether the engine was started again since a container's start, and how long after the container's end.

The engine does not say when it was started. But it creates its network `bridge` anew at each start, unless containers
have outlived it (live restore); then the network keeps its time.
"""

from datetime import datetime

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine

DEFAULT_NETWORK = "bridge"


def seconds_to_engine_start(engine: Engine, container_id: str) -> float | None:
    """See `ContainerRuntime.seconds_to_engine_start`. None for an engine without that network."""
    with engine.call(Call.INSPECT) as api:
        try:
            state = api.inspect_container(container_id)["State"]
        except docker.errors.NotFound:
            return None
    with engine.call(Call.NETWORK) as api:
        try:
            network = api.inspect_network(DEFAULT_NETWORK)
        except docker.errors.NotFound:
            return None
    engine_started = datetime.fromisoformat(network["Created"])
    if engine_started <= datetime.fromisoformat(state["StartedAt"]):
        return None
    return max(0.0, (engine_started - datetime.fromisoformat(state["FinishedAt"])).total_seconds())
