"""How much an instance needs, what the machines have, and where the instances of a job find room."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processing_emulator.domain.instance_types import GIB, InstanceType
from processing_emulator.domain.job import LOCAL_NODE, Limits

CPU_STEPS = 100
"""Container engines divide a CPU into hundredths."""

_ROUNDING = 1e-6
"""Sums of vCPUs are not exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCapacity:
    """What one machine gives to jobs. `container_cpus` is the most that the engine lets one container have."""

    node: str = LOCAL_NODE
    vcpus: float
    memory_bytes: int
    gpu_ids: tuple[str, ...]
    container_cpus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What jobs hold together."""

    vcpus: float
    memory_bytes: int
    gpus: int


def held_by(limits: Iterable[Limits]) -> Held:
    """What instances with these limits hold."""
    held = list(limits)
    return Held(
        vcpus=sum(each.reserved_vcpus for each in held),
        memory_bytes=sum(each.memory_bytes for each in held),
        gpus=sum(len(each.gpu_ids) for each in held),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one instance needs. CPU and memory are capped to the machine it is placed on, unless `whole`; GPUs never.

    `scaled`: it is less than the instance type promises.
    """

    vcpus: float
    memory_bytes: int
    gpus: int
    volume_bytes: int
    whole: bool = False
    scaled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How instance types are understood on a machine that is smaller than they are.

    `scale` is the share of its type's vCPUs and memory that an instance asks for; with `whole` it gets all of that or
    nothing. `gpu_fallback`: instances that want more GPUs than the machine has get none, instead of being refused.
    """

    scale: float = 1.0
    whole: bool = False
    gpu_fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """The first resource that is short: memory in bytes, vCPU and GPU as numbers."""

    resource: str
    wanted: float
    free: float

    def __str__(self) -> str:
        return f"{self.resource}: {self.amount(self.wanted)} wanted, {self.amount(self.free)} free"

    def amount(self, value: float) -> str:
        """A number of this resource with its unit."""
        return f"{value / GIB:.2f} GiB" if self.resource == "memory" else f"{round(value, 2) + 0.0:g}"  # never -0


def ask_of(instance: InstanceType, volume_gib: int, sizing: Sizing = Sizing()) -> Ask:  # frozen
    """What an instance asks for."""
    return Ask(
        vcpus=max(1 / CPU_STEPS, instance.vcpus * sizing.scale),
        memory_bytes=int(instance.memory_bytes * sizing.scale),
        gpus=instance.gpus,
        volume_bytes=volume_gib * GIB,
        whole=sizing.whole,
        scaled=sizing.scale < 1,
    )


def place(asks: Sequence[Ask], nodes: Sequence[NodeCapacity], held: Iterable[Limits]) -> tuple[Limits, ...] | Shortage:
    """The limits of each instance, on the first node that has room for it; all instances or none.

    Instances that are larger than their share of a node are capped to it, so that a job of several fits even on a small
    machine. `held`: the limits of instances placed before, which may be more than there is after a restart.
    """
    held = tuple(held)
    per_node = -(-len(asks) // len(nodes))
    rooms = [_Room(node, [limits for limits in held if limits.node == node.node], per_node) for node in nodes]
    missing = _missing_in_all(asks, rooms)
    if missing is not None:
        return missing
    placed = []
    for ask in asks:
        answers = [room.shortage_of(ask) for room in rooms]
        if None not in answers:
            return max((answer for answer in answers if answer is not None), key=lambda shortage: shortage.free)
        placed.append(rooms[answers.index(None)].take(ask))
    return tuple(placed)


class _Room:
    """What is left on one node while a job's instances are placed."""

    def __init__(self, node: NodeCapacity, held: Sequence[Limits], instances: int) -> None:
        taken = {gpu for limits in held for gpu in limits.gpu_ids}
        self._node = node
        self._share = math.floor(node.vcpus / instances * CPU_STEPS) / CPU_STEPS, node.memory_bytes // instances
        self.vcpus = node.vcpus - sum(limits.reserved_vcpus for limits in held)
        self.memory_bytes = node.memory_bytes - sum(limits.memory_bytes for limits in held)
        self.gpu_ids = [gpu for gpu in node.gpu_ids if gpu not in taken]

    def capped(self, ask: Ask) -> tuple[float, int]:
        """vCPUs and memory that an instance would get here."""
        if ask.whole:
            return ask.vcpus, ask.memory_bytes
        vcpus, memory_bytes = self._share
        return min(ask.vcpus, vcpus), min(ask.memory_bytes, memory_bytes)

    def shortage_of(self, ask: Ask) -> Shortage | None:
        """What an instance lacks here; None when it fits."""
        vcpus, memory_bytes = self.capped(ask)
        return _first_short((vcpus, memory_bytes, ask.gpus), (self.vcpus, self.memory_bytes, len(self.gpu_ids)))

    def take(self, ask: Ask) -> Limits:
        """Place an instance that fits."""
        vcpus, memory_bytes = self.capped(ask)
        gpu_ids = tuple(self.gpu_ids[: ask.gpus])
        self.vcpus -= vcpus
        self.memory_bytes -= memory_bytes
        del self.gpu_ids[: ask.gpus]
        container_vcpus = min(vcpus, self._node.container_cpus)
        return Limits(
            node=self._node.node,
            vcpus=container_vcpus,
            reserved_vcpus=vcpus,
            memory_bytes=memory_bytes,
            gpu_ids=gpu_ids,
            volume_bytes=ask.volume_bytes,
            capped=ask.scaled or container_vcpus < ask.vcpus or memory_bytes < ask.memory_bytes,
        )


def _missing_in_all(asks: Sequence[Ask], rooms: Sequence[_Room]) -> Shortage | None:
    """What all instances together lack on all nodes together."""
    capped = [max(room.capped(ask) for room in rooms) for ask in asks]
    wanted = (sum(vcpus for vcpus, _ in capped), sum(memory for _, memory in capped), sum(ask.gpus for ask in asks))
    free = (
        sum(room.vcpus for room in rooms),
        sum(room.memory_bytes for room in rooms),
        sum(len(room.gpu_ids) for room in rooms),
    )
    return _first_short(wanted, free)


def _first_short(wanted: tuple[float, int, int], free: tuple[float, int, int]) -> Shortage | None:
    for resource, needed, there in zip(("vCPU", "memory", "GPU"), wanted, free, strict=True):
        if needed > there + _ROUNDING:
            return Shortage(resource=resource, wanted=needed, free=there)
    return None
