"""Containers that do the same on the engine in memory and on a real one, and what differs between the two."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from processing_emulator.ports import ContainerRuntime, ContainerSpec, Mount, NetworkAttachment
from tests.fakes import container_script as script
from tests.fakes.machine import FakeMachine
from tests.fakes.runtime import FakeRuntime
from tests.fixtures_docker import BRIDGE, MIB, TEST_IMAGE, EngineProxy, RuntimeFactory, a_container

READY = b"ready"


@dataclass(frozen=True, kw_only=True)
class Does:
    """Prints, writes `(path, text)`, then exits; or says `ready` and holds until released or killed."""

    prints: Sequence[str] = ()
    writes: tuple[str, str] | None = None
    exit_code: int = 0
    holds: bool = False
    ignores_sigterm: bool = False
    out_of_memory: bool = False
    rejected_with: int | None = None

    @property
    def lines(self) -> list[str]:
        return [*self.prints, READY.decode()] if self.holds else list(self.prints)


def a_spec(
    does: Does | None = None,
    *,
    name: str | None = None,
    mounts: tuple[Mount, ...] = (),
    network: NetworkAttachment | None = BRIDGE,
    platform: str = "",
) -> ContainerSpec:
    """A container that does so: by its command on a real engine, by its environment in memory."""
    does = does or Does()
    environment = _environment(does)
    return a_container(
        *_command(does),
        name=name,
        environment=environment,
        mounts=mounts,
        network=network,
        platform=platform,
        labels={"contract": "yes"},
        memory_bytes=64 * MIB,
    )


def _command(does: Does) -> list[str]:
    if does.rejected_with == 127:
        return ["/no/such/program"]
    if does.rejected_with == 126:
        return ["/etc/passwd"]
    lines = ["import os, signal, sys"]
    if does.holds:
        lines.append(f"signal.signal(signal.SIGUSR1, lambda *_: os._exit({does.exit_code}))")
        if not does.ignores_sigterm:  # the first process of a container ignores whatever it does not handle
            lines.append("signal.signal(signal.SIGTERM, lambda *_: os._exit(143))")
    if does.writes:
        lines.append(f"open({does.writes[0]!r}, 'w').write({does.writes[1]!r})")
    lines += [f"print({line!r}, flush=True)" for line in does.lines]
    if does.out_of_memory:
        lines.append("bytearray(1 << 30)")
    lines += ["while True: signal.pause()"] if does.holds else [f"sys.exit({does.exit_code})"]
    return ["python3", "-c", "\n".join(lines)]


def _environment(does: Does) -> dict[str, str]:
    environment = {script.EXIT_CODE: str(does.exit_code)}
    if does.lines:
        environment[script.PRINT] = "\n".join(does.lines)
    if does.writes:
        environment[script.WRITE] = "=".join(does.writes)
    if does.rejected_with:
        environment[script.REJECT] = str(does.rejected_with)
    switches = {
        script.HOLD: does.holds,
        script.NO_HANDLER: does.ignores_sigterm,
        script.OUT_OF_MEMORY: does.out_of_memory,
    }
    return environment | {name: "1" for name, on in switches.items() if on}


class World(Protocol):
    """An engine: ours to use, another emulator's, and the means to interfere."""

    runtime: ContainerRuntime
    other_emulator: ContainerRuntime

    def release(self, container_id: str) -> None:
        """Let a container that holds exit with its own code."""
        ...

    def lose_engine(self) -> None:
        """From now on the engine does not answer `runtime`."""
        ...

    def restore_engine(self) -> None:
        """It answers again."""
        ...


class FakeWorld:
    """The engine in memory."""

    def __init__(self) -> None:
        fake = FakeRuntime("ours", FakeMachine(images=[TEST_IMAGE]))
        self.runtime: ContainerRuntime = fake
        self.other_emulator: ContainerRuntime = FakeRuntime("other", fake.machine)
        self.lose_engine = fake.lose_engine
        self.restore_engine = fake.restore_engine
        self._machine = fake.machine

    def release(self, container_id: str) -> None:
        self._machine.release(self.runtime.inspect(container_id).name)


class DockerWorld:
    """The real engine, behind a socket that can be cut."""

    def __init__(self, make_runtime: RuntimeFactory, proxy: EngineProxy) -> None:
        self.runtime: ContainerRuntime = make_runtime(proxy.address)
        self.other_emulator: ContainerRuntime = make_runtime()
        self.lose_engine = proxy.cut
        self.restore_engine = proxy.restore

    def release(self, container_id: str) -> None:
        self.runtime.signal(container_id, "SIGUSR1")


def started(world: World, does: Does, **more: object) -> str:
    """A container that was started; one that holds is ready for signals."""
    container_id = world.runtime.create(a_spec(does, **more))  # type: ignore[arg-type]
    world.runtime.start(container_id)
    if does.holds:
        assert READY in lines_until(world.runtime, container_id, READY)
    return container_id


def lines_until(runtime: ContainerRuntime, container_id: str, last: bytes) -> list[bytes]:
    """What a container has printed up to that line; all it printed when it exits before."""
    lines: list[bytes] = []
    for batch in runtime.stream_logs(container_id, 0):
        lines += [line.data for line in batch]
        if last in lines:
            break
    return lines


def all_lines(runtime: ContainerRuntime, container_id: str, since_second: int = 0) -> list[bytes]:
    """Everything it prints until it exits."""
    return [line.data for batch in runtime.stream_logs(container_id, since_second) for line in batch]


@contextmanager
def engine_lost(world: World) -> Iterator[None]:
    """Within, the engine is away."""
    world.lose_engine()
    try:
        yield
    finally:
        world.restore_engine()
