"""The smallest instance type that a run would have needed, and how sure that is, from what its hosts have used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from processing_emulator.domain.instance_families import alike, same_family
from processing_emulator.domain.instance_prices import Price
from processing_emulator.domain.instance_types import GIB, InstanceType
from processing_emulator.domain.job import Limits
from processing_emulator.domain.usage import UsagePeaks
from processing_emulator.quantities import size

HEADROOM = 1.25
"""Memory and disk that a type must have, as a multiple of what was used: for the service's own processes, for peaks
between two samples, and for input that grows. CPUs need none: with too few of them a job is slower, and does not fail.
"""

TOLERANCE = 0.95
"""This share of a peak of CPUs and GPUs counts: samples of one that is always busy may say a little over 100 %."""

NEARLY_ALL = 0.95
"""From this share of a limit on, more would perhaps have been used."""

FEW_SAMPLES = 10

UNUSED_GPU_PERCENT = 1.0


class Confidence(StrEnum):
    """How sure it is that this run would have done as well on another type."""

    SURE = "sure"
    LIKELY = "likely"
    UNKNOWN = "unknown"


class Reason(NamedTuple):
    """A sentence, and the most confidence that it leaves."""

    confidence: Confidence
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUse:
    """What one host had and used.

    `is_complete`: its container ended by itself, with exit code 0. `gpus_were_lost`: a GPU stopped answering meanwhile.
    """

    host: str
    limits: Limits
    peaks: UsagePeaks
    is_complete: bool
    out_of_memory: bool
    gpus_were_lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a type must have for each host."""

    vcpus: int
    memory_bytes: int
    gpus: int
    disk_bytes: int

    def is_met_by(self, instance_type: InstanceType) -> bool:
        """Whether a type has all of it. The volume of a type without local disks is as large as the job asks."""
        return (
            instance_type.vcpus >= self.vcpus
            and instance_type.memory_bytes >= self.memory_bytes
            and instance_type.gpus >= self.gpus
            and (not instance_type.nvme_gb or instance_type.nvme_gb * GIB >= self.disk_bytes)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RightSize:
    """The type, None where none can be named; what it must have; how sure that is, and why."""

    instance_type: str | None
    need: Need | None
    confidence: Confidence
    reasons: tuple[str, ...]


def right_size(asked: InstanceType, hosts: Sequence[HostUse], prices: Mapping[str, Price]) -> RightSize:
    """The smallest type for all hosts of a run that has ended. `hosts` are not empty; `prices` by instance type."""
    unmeasured = [each.host for each in hosts if not each.peaks.samples]
    if unmeasured and not any(each.out_of_memory for each in hosts):
        text = f"Nothing was measured on {unmeasured[0]}: its container ended too soon, or did not run."
        return RightSize(instance_type=None, need=None, confidence=Confidence.UNKNOWN, reasons=(text,))
    need = need_of(asked, hosts)
    found = _smallest(asked, hosts, need, prices)
    reasons = (
        *_of_samples(hosts),
        *(reason for use in hosts for reason in (*_of_end(use), *_of_limits(asked, use))),
        *_of_gpus(asked, hosts, need),
        *_of_type(asked, hosts, need, found),
    )
    return RightSize(
        instance_type=None if found is None else found.name,
        need=need,
        confidence=max((reason.confidence for reason in reasons), key=list(Confidence).index),
        reasons=tuple(dict.fromkeys(reason.text for reason in reasons)),
    )


def need_of(asked: InstanceType, hosts: Sequence[HostUse]) -> Need:
    """The most that any host needs."""
    return Need(
        vcpus=max(_vcpus(asked, each) for each in hosts),
        memory_bytes=max(_memory(asked, each) for each in hosts),
        gpus=max(_gpus(asked, each) for each in hosts),
        disk_bytes=max(ceil(each.peaks.disk_bytes * HEADROOM) for each in hosts),
    )


def _vcpus(asked: InstanceType, use: HostUse) -> int:
    if not use.peaks.samples or (_cpu_was_short(use) and use.limits.vcpus < asked.vcpus):
        return asked.vcpus
    return max(1, ceil(use.peaks.cpu_percent / 100 * TOLERANCE))


def _memory(asked: InstanceType, use: HostUse) -> int:
    limit = use.limits.memory_bytes
    if (use.out_of_memory or _memory_was_short(use)) and limit < asked.memory_bytes:
        return asked.memory_bytes
    return ceil(max(use.peaks.memory_bytes, limit if use.out_of_memory else 0) * HEADROOM)


def _gpus(asked: InstanceType, use: HostUse) -> int:
    """From the sums over all GPUs; one that is used at all is needed whole."""
    if not _gpus_were_measured(asked, use):
        return asked.gpus
    busy, memory = use.peaks.gpu_percent or 0.0, use.peaks.gpu_memory_percent or 0.0
    if max(busy, memory) < UNUSED_GPU_PERCENT:
        return 0
    return min(asked.gpus, ceil(max(busy * TOLERANCE, memory) / 100))


def _gpus_were_measured(asked: InstanceType, use: HostUse) -> bool:
    had_all = len(use.limits.gpu_ids) >= asked.gpus
    return had_all and not use.gpus_were_lost and use.peaks.gpu_percent is not None


def _cpu_was_short(use: HostUse) -> bool:
    return use.peaks.cpu_percent >= NEARLY_ALL * 100 * use.limits.vcpus


def _memory_was_short(use: HostUse) -> bool:
    return use.peaks.memory_bytes >= NEARLY_ALL * use.limits.memory_bytes


def _smallest(
    asked: InstanceType, hosts: Sequence[HostUse], need: Need, prices: Mapping[str, Price]
) -> InstanceType | None:
    """Of the closest types that have all. The asked type is not too small for a run that came to its end.

    Without the prices, a type that has more of something than the asked one may be dearer, and is not named then.
    """
    has_done = all(use.is_complete for use in hosts)
    for types in [same_family(asked)] if need.gpus else alike(asked):
        fitting = [each for each in types if need.is_met_by(each) or (has_done and each == asked)]
        by_size = sorted(fitting, key=lambda each: (each.gpus, each.vcpus, each.memory_bytes))
        if fitting and all(each.name in prices for each in fitting):
            return min(by_size, key=lambda each: prices[each.name].usd_per_hour)
        named = [each for each in by_size if not has_done or _has_no_more(each, asked)]
        if named:
            return named[0]
    return asked if has_done else None


def _has_no_more(one: InstanceType, other: InstanceType) -> bool:
    return one.vcpus <= other.vcpus and one.memory_bytes <= other.memory_bytes and one.gpus <= other.gpus


def _of_samples(hosts: Sequence[HostUse]) -> Iterator[Reason]:
    fewest = min(use.peaks.samples for use in hosts)
    if not fewest:
        return
    cpu = max(use.peaks.cpu_percent for use in hosts) / 100
    memory, disk = (max(use.peaks.memory_bytes for use in hosts), max(use.peaks.disk_bytes for use in hosts))
    volume = size(max(use.limits.volume_bytes for use in hosts))
    yield Reason(
        Confidence.SURE,
        f"A host used up to {cpu:.1f} vCPUs, {size(memory)} of memory and {size(disk)} of its volume of {volume}; the"
        " type must have a quarter more memory than that.",
    )
    if fewest < FEW_SAMPLES:
        times = "once" if fewest == 1 else f"{fewest} times"
        yield Reason(Confidence.LIKELY, f"It was measured only {times}: short peaks may be missing.")


def _of_end(use: HostUse) -> Iterator[Reason]:
    if use.out_of_memory:
        had = size(use.limits.memory_bytes)
        yield Reason(
            Confidence.UNKNOWN, f"{use.host} ran out of its {had} of memory; how much more it needs is not known."
        )
    elif not use.is_complete:
        yield Reason(Confidence.UNKNOWN, "The job did not run to its end: what the rest needs was not measured.")


def _of_limits(asked: InstanceType, use: HostUse) -> Iterator[Reason]:
    limits = use.limits
    if limits.vcpus < asked.vcpus and _cpu_was_short(use):
        yield Reason(
            Confidence.UNKNOWN,
            f"It used all of the {limits.vcpus:g} vCPUs that it had here; how many of {asked.vcpus} it would use is"
            " not known.",
        )
    elif _cpu_was_short(use):
        yield Reason(Confidence.SURE, f"It used all of its {limits.vcpus:g} vCPUs: with more it might be faster.")
    if limits.memory_bytes < asked.memory_bytes and _memory_was_short(use):
        yield Reason(
            Confidence.UNKNOWN,
            f"It used nearly all of the {size(limits.memory_bytes)} of memory that it had here; how much of"
            f" {size(asked.memory_bytes)} it would use is not known.",
        )
    if limits.vcpus < asked.vcpus or limits.memory_bytes < asked.memory_bytes:
        yield Reason(
            Confidence.LIKELY,
            f"This machine gave it {limits.vcpus:g} vCPUs and {size(limits.memory_bytes)} of memory, less than"
            f" {asked.name} has: a program that looks at what there is may use more there.",
        )


def _of_gpus(asked: InstanceType, hosts: Sequence[HostUse], need: Need) -> Iterator[Reason]:
    if not asked.gpus:
        return
    if need.gpus and all(_gpus_were_measured(asked, use) for use in hosts):
        yield Reason(Confidence.LIKELY, f"The GPUs here are not those of {asked.name}: their memory and speed differ.")
    if any(len(use.limits.gpu_ids) < asked.gpus for use in hosts):
        yield Reason(Confidence.UNKNOWN, "It ran without GPUs here; what it would do with them is not known.")
    elif not all(_gpus_were_measured(asked, use) for use in hosts):
        yield Reason(Confidence.UNKNOWN, "What its GPUs did could not be measured to the end.")
    elif not need.gpus:
        yield Reason(Confidence.LIKELY, "No GPU was used. A program that looks for one may refuse to run without.")
    elif need.gpus < asked.gpus:
        yield Reason(
            Confidence.LIKELY,
            f"Its {asked.gpus} GPUs together did the work of {need.gpus}; a program made for {asked.gpus} may need a"
            " change.",
        )


def _of_type(asked: InstanceType, hosts: Sequence[HostUse], need: Need, found: InstanceType | None) -> Iterator[Reason]:
    if found is None:
        yield Reason(Confidence.UNKNOWN, f"No instance type like {asked.name} has that much.")
        return
    if found == asked and need.memory_bytes > asked.memory_bytes:
        yield Reason(Confidence.SURE, f"Little memory was left: larger inputs need a larger type than {asked.name}.")
    marks = [use.peaks.memory_high_water_bytes for use in hosts]
    most = max((mark for mark in marks if mark is not None), default=0)
    if None in marks:
        yield Reason(Confidence.LIKELY, "The engine did not tell the highest use of memory, only that of each second.")
    elif found != asked and most > found.memory_bytes:
        yield Reason(
            Confidence.LIKELY,
            f"With file cache it used up to {size(most)}: with less memory it reads files from the disk more often.",
        )
    yield Reason(Confidence.SURE, "One run was measured: larger inputs need more.")
