"""The smallest instance type that would have done for a job that has ended, and what it costs: JSON and sentences."""

from collections.abc import Sequence
from math import ceil

from processing_emulator.admin.views import Document
from processing_emulator.domain.instance_prices import Price, PriceTable
from processing_emulator.domain.instance_types import GIB, catalogue
from processing_emulator.domain.job import GPU_LOST, SIMULATED_NODE, InstanceRecord, JobEvent, ProcessingJob
from processing_emulator.domain.right_sizing import Confidence, HostUse, Need, RightSize, right_size
from processing_emulator.domain.usage import UsagePeaks
from processing_emulator.quantities import duration


def right_sizing_document(
    job: ProcessingJob,
    instances: Sequence[tuple[InstanceRecord, UsagePeaks]],
    events: Sequence[JobEvent],
    prices: PriceTable,
) -> Document | None:
    """None until the job has ended, and for one that never got a container, or only simulated ones."""
    ran = [record for record, _ in instances if record.container_started_at and record.limits.node != SIMULATED_NODE]
    if not job.phase.is_terminal or not ran:
        return None
    asked, known = job.choice.instance_type, prices.in_region(job.key.region)
    lost_gpus = {event.detail.get("host") for event in events if event.action == GPU_LOST}
    hosts = [_use(record, peaks, gpus_were_lost=record.host in lost_gpus) for record, peaks in instances]
    found = right_size(catalogue()[asked], hosts, known)
    seconds, names = _billed_seconds(job), dict.fromkeys(filter(None, (found.instance_type, asked)))
    costs = [_cost(name, known.get(name), seconds, job.choice.count) for name in names]
    return {
        "instanceType": found.instance_type,
        "confidence": found.confidence,
        "verdict": _verdict(asked, found),
        "cost": _cost_sentence(costs, seconds),
        "reasons": list(found.reasons),
        "needs": found.need and _needs(found.need),
        "billedSeconds": seconds,
        "costs": costs,
    }


def _use(record: InstanceRecord, peaks: UsagePeaks, *, gpus_were_lost: bool) -> HostUse:
    out_of_memory = record.exit is not None and record.exit.out_of_memory
    ended_well = record.exit is not None and record.exit.code == 0 and record.stopped is None
    return HostUse(
        host=record.host,
        limits=record.limits,
        peaks=peaks,
        is_complete=ended_well and not out_of_memory,  # a program may go on when the kernel killed a part of it
        out_of_memory=out_of_memory,
        gpus_were_lost=gpus_were_lost,
    )


def _billed_seconds(job: ProcessingJob) -> int:
    """From ProcessingStartTime to ProcessingEndTime."""
    if job.started_at is None or job.ended_at is None:
        return 0
    return ceil((job.ended_at - job.started_at).total_seconds())


def _verdict(asked: str, found: RightSize) -> str:
    if found.instance_type is None:
        return "No instance type can be named."
    instead = "" if found.instance_type == asked else f", instead of {asked}"
    if found.confidence is Confidence.UNKNOWN:
        return f"{found.instance_type} may do{instead}."
    if not instead:
        return f"{asked} is the smallest that would have done."
    return f"{found.instance_type} would have done{instead}."


def _cost(name: str, price: Price | None, seconds: int, instances: int) -> Document:
    return {
        "instanceType": name,
        "instanceCount": instances,
        "usdPerHour": price and price.usd_per_hour,
        "usd": price and round(price.usd(seconds, instances), 6),
        "region": price and price.region,
        "asOf": price and price.as_of.isoformat(),
        "source": price and price.source,
    }


def _cost_sentence(costs: Sequence[Document], seconds: int) -> str:
    known = [
        f"{_usd(cost['usd'])} on {cost['instanceCount']} {cost['instanceType']} ({cost['region']}, {cost['asOf']})"
        for cost in costs
        if cost["usd"] is not None
    ]
    unknown = [cost["instanceType"] for cost in costs if cost["usd"] is None]
    sentences = []
    if known:
        sentences.append(f"{duration(seconds)} cost {', '.join(known)}.")
    if unknown:
        sentences.append(f"No price known for {' and '.join(map(str, unknown))}.")
    return " ".join(sentences)


def _usd(amount: object) -> str:
    return f"USD {amount:.4f}" if isinstance(amount, float) and amount >= 0.0001 else "less than USD 0.0001"


def _needs(need: Need) -> Document:
    return {
        "vcpus": need.vcpus,
        "memoryBytes": need.memory_bytes,
        "gpus": need.gpus,
        "volumeSizeInGB": max(1, ceil(need.disk_bytes / GIB)),
    }
