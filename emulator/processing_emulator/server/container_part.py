"""What runs containers, and where they find the emulator: a Docker engine, or nothing but a simulation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.simulated_runtime.runtime import SimulatedRuntime
from processing_emulator.adapters.volumes.obstacle import find_obstacle
from processing_emulator.config import Settings
from processing_emulator.ports import ContainerRuntime
from processing_emulator.server.network import NetworkLocation, find_location


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPart:
    """`obstacle_to_volumes` says why volumes below a folder cannot be limited; None if they can.

    `engine_address`: the socket at which everybody on this machine finds the engine; None where there is none.
    """

    runtime: ContainerRuntime
    location: NetworkLocation
    obstacle_to_volumes: Callable[[Path], str | None]
    engine_address: Callable[[], str | None]
    close: Callable[[], None]


def docker_part(settings: Settings, data: DataDir) -> ContainerPart:
    """Docker's engine, which need not answer yet."""
    engine = Engine(settings.docker_host)
    location = find_location(settings, engine)
    runtime = DockerRuntime(engine, _defaults(settings, data, location))
    return ContainerPart(
        runtime=runtime,
        location=location,
        obstacle_to_volumes=lambda folder: find_obstacle(folder, engine.address),
        engine_address=lambda: _socket_of(engine, location),
        close=runtime.close,
    )


def simulated_part() -> ContainerPart:
    """Nothing runs, so nothing calls the emulator, and no volume has to be limited."""
    runtime = SimulatedRuntime()
    return ContainerPart(
        runtime=runtime,
        location=NetworkLocation(container=None, network=None, address=None),
        obstacle_to_volumes=lambda _folder: "containers are simulated",
        engine_address=lambda: None,
        close=runtime.close,
    )


def _socket_of(engine: Engine, location: NetworkLocation) -> str | None:
    """A server in a container knows a path that is none outside, and a TCP address may need a client's certificates."""
    address = engine.address
    return address if location.container is None and address.startswith("unix://") else None


def _defaults(settings: Settings, data: DataDir, location: NetworkLocation) -> ContainerDefaults:
    made = ContainerDefaults(emulator_id=data.emulator_id(), platform=settings.image_platform)
    return made if location.container is None else replace(made, translate=location.container.translate)
