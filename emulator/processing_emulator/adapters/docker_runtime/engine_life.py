"""Tells whether the engine was started again since a container's start.

The engine does not say when it was started. But it creates its network `bridge` anew at each start, unless containers
have outlived it (live restore); then the network keeps its time.
"""

from datetime import datetime

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine

DEFAULT_NETWORK = "bridge"


def was_restarted_since(engine: Engine, container_id: str) -> bool:
    """See `ContainerRuntime.was_restarted_since`. An engine without that network counts as not restarted."""
    with engine.call(Call.INSPECT) as api:
        try:
            started = api.inspect_container(container_id)["State"]["StartedAt"]
        except docker.errors.NotFound:
            return False
    with engine.call(Call.NETWORK) as api:
        try:
            created = api.inspect_network(DEFAULT_NETWORK)["Created"]
        except docker.errors.NotFound:
            return False
    return datetime.fromisoformat(created) > datetime.fromisoformat(started)
