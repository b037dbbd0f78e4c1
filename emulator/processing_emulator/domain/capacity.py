"""How much an instance asks for, what the host has, and whether the one fits into the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from processing_emulator.domain.instances import GIB, InstanceType
from processing_emulator.domain.job import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCapacity:
    """What the host gives to jobs. `container_cpus` is the most that one container may be given by the engine."""

    vcpus: float
    memory_bytes: int
    gpu_ids: tuple[str, ...]
    container_cpus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one instance needs to be admitted; already capped to the host."""

    vcpus: float
    memory_bytes: int
    gpus: int
    volume_bytes: int
    capped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """What is not reserved."""

    vcpus: float
    memory_bytes: int
    gpu_ids: tuple[str, ...]


def ask_for(instance: InstanceType, volume_gib: int, host: HostCapacity) -> Ask:
    """CPU and memory of the type, capped to what the host has; GPUs are never capped (design: no silent CPU run)."""
    vcpus = min(float(instance.vcpus), host.vcpus)
    memory = min(instance.memory_bytes, host.memory_bytes)
    return Ask(
        vcpus=vcpus,
        memory_bytes=memory,
        gpus=instance.gpus,
        volume_bytes=volume_gib * GIB,
        capped=vcpus < instance.vcpus or memory < instance.memory_bytes,
    )


def limits_for(ask: Ask, gpu_ids: tuple[str, ...], host: HostCapacity) -> Limits:
    """The limits of a container whose ask was reserved."""
    return Limits(
        vcpus=min(ask.vcpus, host.container_cpus),
        reserved_vcpus=ask.vcpus,
        memory_bytes=ask.memory_bytes,
        gpu_ids=gpu_ids,
        volume_bytes=ask.volume_bytes,
        capped=ask.capped or ask.vcpus > host.container_cpus,
    )


def never_fits(instance: InstanceType, count: int, host: HostCapacity) -> str | None:
    """A sentence when the host could not run this even when idle, else None."""
    needed = instance.gpus * count
    if needed > len(host.gpu_ids):
        return f"{count} x {instance.name} needs {needed} GPU; this host has {len(host.gpu_ids)}"
    return None


def short_of(asks: Sequence[Ask], free: Free) -> str | None:
    """What a gang of instances has to wait for, as a phrase; None when it fits now."""
    vcpus = sum(a.vcpus for a in asks)
    memory = sum(a.memory_bytes for a in asks)
    gpus = sum(a.gpus for a in asks)
    if vcpus > free.vcpus:
        return f"vCPU: {vcpus:g} wanted, {free.vcpus:g} free"
    if memory > free.memory_bytes:
        return f"memory: {memory / GIB:.2f} GiB wanted, {free.memory_bytes / GIB:.2f} GiB free"
    if gpus > len(free.gpu_ids):
        return f"GPU: {gpus} wanted, {len(free.gpu_ids)} free"
    return None
