"""Which type a run would have needed, from what its hosts used: one row for each rule."""

from datetime import date
from typing import Any

import pytest

from processing_emulator.domain.instance_prices import Price
from processing_emulator.domain.instance_types import GIB, catalogue
from processing_emulator.domain.job import Limits
from processing_emulator.domain.right_sizing import Confidence, HostUse, RightSize, right_size
from processing_emulator.domain.usage import UsagePeaks

SURE, LIKELY, UNKNOWN = Confidence


def a_host(asked: str, *, vcpus: float | None = None, memory: float | None = None, **changes: Any) -> HostUse:
    """A host that had its whole type, or so many vCPUs and GiB of it; memory is in GiB throughout."""
    whole = catalogue()[asked]
    gpus = changes.pop("gpus", whole.gpus)
    limits = Limits(
        vcpus=vcpus or whole.vcpus,
        reserved_vcpus=vcpus or whole.vcpus,
        memory_bytes=int(memory * GIB) if memory else whole.memory_bytes,
        gpu_ids=tuple(f"GPU-{number}" for number in range(gpus)),
        volume_bytes=30 * GIB,
    )
    is_complete, out_of_memory = changes.pop("is_complete", True), changes.pop("out_of_memory", False)
    gpus_were_lost = changes.pop("gpus_were_lost", False)
    used, mark = changes.pop("used", 1.0), changes.pop("mark", 1.0)
    peaks = UsagePeaks(
        samples=changes.pop("samples", 60),
        cpu_percent=changes.pop("cpu", 90.0),
        memory_bytes=int(used * GIB),
        memory_high_water_bytes=None if mark is None else int(mark * GIB),
        disk_bytes=int(changes.pop("disk", 1.0) * GIB),
        gpu_percent=changes.pop("gpu", 0.0 if gpus else None),
        gpu_memory_percent=changes.pop("gpu_memory", 0.0 if gpus else None),
    )
    assert not changes
    return HostUse(
        host="algo-1",
        limits=limits,
        peaks=peaks,
        is_complete=is_complete,
        out_of_memory=out_of_memory,
        gpus_were_lost=gpus_were_lost,
    )


def sized(asked: str, *hosts: dict[str, Any], prices: dict[str, float] | None = None) -> RightSize:
    table = {
        name: Price(usd_per_hour=usd, region="us-east-1", as_of=date(2026, 1, 2), source="")
        for name, usd in (prices or {}).items()
    }
    return right_size(catalogue()[asked], [a_host(asked, **host) for host in hosts], table)


@pytest.mark.parametrize(
    ("asked", "host", "found"),
    [
        ("ml.m5.4xlarge", {"cpu": 100.0, "used": 2}, "ml.m5.large"),
        ("ml.m5.4xlarge", {"cpu": 203.0, "used": 2}, "ml.m5.large"),  # two busy threads, measured a little high
        ("ml.m5.4xlarge", {"cpu": 215.0, "used": 2}, "ml.c5.xlarge"),
        ("ml.m5.4xlarge", {"cpu": 100.0, "used": 6.5}, "ml.r5.large"),  # 8.1 GiB with headroom
        ("ml.m5.4xlarge", {"cpu": 700.0, "used": 30}, "ml.r5.2xlarge"),
        ("ml.m5.4xlarge", {"cpu": 1600.0, "used": 60}, "ml.m5.4xlarge"),
        ("ml.m6i.4xlarge", {"cpu": 100.0}, "ml.m6i.large"),
        ("ml.m7i-flex.4xlarge", {"cpu": 100.0}, "ml.m7i-flex.large"),
        ("ml.c4.8xlarge", {"cpu": 100.0}, "ml.c4.xlarge"),
        ("ml.t3.2xlarge", {"cpu": 100.0}, "ml.t3.medium"),
        ("ml.r5d.24xlarge", {"cpu": 100.0, "disk": 130}, "ml.r5d.2xlarge"),  # its local disk must be large enough
        ("ml.g5.12xlarge", {"cpu": 300.0, "used": 10, "gpu": 80.0, "gpu_memory": 50.0}, "ml.g5.xlarge"),
        ("ml.g5.12xlarge", {"gpu": 150.0, "gpu_memory": 50.0}, "ml.g5.12xlarge"),  # the smallest with two GPUs
        ("ml.g4dn.8xlarge", {"cpu": 100.0, "used": 3}, "ml.m5.large"),  # no GPU used
        ("ml.c5.9xlarge", {"cpu": 2000.0, "used": 50}, "ml.c5.9xlarge"),  # ml.r5.8xlarge has fewer vCPUs and is dearer
        ("ml.m5.12xlarge", {"cpu": 2000.0, "used": 50}, "ml.c5.9xlarge"),
        ("ml.g4dn.xlarge", {"gpus": 0}, "ml.g4dn.xlarge"),  # it had none here
    ],
)
def test_smallest_type_of_the_same_kind_that_has_what_was_used(asked: str, host: dict[str, Any], found: str) -> None:
    assert sized(asked, host).instance_type == found


@pytest.mark.parametrize(
    ("host", "confidence", "sentence"),
    [
        ({}, SURE, "One run was measured: larger inputs need more."),
        (
            {"cpu": 120.0, "used": 2},
            SURE,
            (
                "A host used up to 1.2 vCPUs, 2.0 GiB of memory and 1.0 GiB of its volume of 30.0 GiB; the type must"
                " have a quarter more memory than that."
            ),
        ),
        ({"cpu": 400.0}, SURE, "It used all of its 4 vCPUs: with more it might be faster."),
        ({"used": 15}, SURE, "Little memory was left: larger inputs need a larger type than ml.m5.xlarge."),
        ({"samples": 9}, LIKELY, "It was measured only 9 times: short peaks may be missing."),
        ({"samples": 1}, LIKELY, "It was measured only once: short peaks may be missing."),
        ({"mark": None}, LIKELY, "The engine did not tell the highest use of memory, only that of each second."),
        (
            {"mark": 12},
            LIKELY,
            "With file cache it used up to 12.0 GiB: with less memory it reads files from the disk more often.",
        ),
        (
            {"vcpus": 2, "memory": 4},
            LIKELY,
            (
                "This machine gave it 2 vCPUs and 4.0 GiB of memory, less than ml.m5.xlarge has: a program that looks"
                " at what there is may use more there."
            ),
        ),
        (
            {"vcpus": 2, "cpu": 199.0},
            UNKNOWN,
            "It used all of the 2 vCPUs that it had here; how many of 4 it would use is not known.",
        ),
        (
            {"memory": 4, "used": 3.9},
            UNKNOWN,
            (
                "It used nearly all of the 4.0 GiB of memory that it had here; how much of 16.0 GiB it would use is not"
                " known."
            ),
        ),
        (
            {"is_complete": False},
            UNKNOWN,
            "The job did not run to its end: what the rest needs was not measured.",
        ),
        (
            {"out_of_memory": True, "is_complete": False},
            UNKNOWN,
            "algo-1 ran out of its 16.0 GiB of memory; how much more it needs is not known.",
        ),
    ],
)
def test_each_doubt_is_said_and_counts(host: dict[str, Any], confidence: Confidence, sentence: str) -> None:
    found = sized("ml.m5.xlarge", host)

    assert sentence in found.reasons
    assert found.confidence is confidence


@pytest.mark.parametrize(
    ("host", "confidence", "sentence"),
    [
        (
            {"gpu": 90.0, "gpu_memory": 80.0},
            LIKELY,
            "The GPUs here are not those of ml.g5.12xlarge: their memory and speed differ.",
        ),
        ({}, LIKELY, "No GPU was used. A program that looks for one may refuse to run without."),
        ({"gpus": 0}, UNKNOWN, "It ran without GPUs here; what it would do with them is not known."),
        ({"gpu": None, "gpu_memory": None}, UNKNOWN, "What its GPUs did could not be measured to the end."),
        ({"gpu": 90.0, "gpus_were_lost": True}, UNKNOWN, "What its GPUs did could not be measured to the end."),
        (
            {"gpu": 90.0},
            LIKELY,
            "Its 4 GPUs together did the work of 1; a program made for 4 may need a change.",
        ),
        ({"gpu": 390.0}, LIKELY, "One run was measured: larger inputs need more."),
    ],
)
def test_doubts_about_gpus(host: dict[str, Any], confidence: Confidence, sentence: str) -> None:
    found = sized("ml.g5.12xlarge", host)

    assert sentence in found.reasons
    assert found.confidence is confidence


@pytest.mark.parametrize(
    ("asked", "host", "found"),
    [
        ("ml.m5.xlarge", {}, "ml.r5.xlarge"),  # 16 GiB were too little, and a quarter more is needed
        ("ml.m5.xlarge", {"samples": 0, "used": 0, "cpu": 0.0}, "ml.r5.xlarge"),  # ended before it was measured
        ("ml.m5.xlarge", {"memory": 4}, "ml.m5.xlarge"),  # it had 4 GiB here: the type has four times as much
        ("ml.t3.2xlarge", {"cpu": 100.0}, "ml.r5.2xlarge"),  # no larger one of its kind
        ("ml.r5.24xlarge", {}, None),
    ],
)
def test_a_job_that_ran_out_of_memory_needs_the_next_larger_type(
    asked: str, host: dict[str, Any], found: str | None
) -> None:
    host = {"cpu": 250.0, "used": 3, "out_of_memory": True, "is_complete": False, **host}

    assert sized(asked, host).instance_type == found


def test_the_host_that_used_most_decides() -> None:
    found = sized("ml.m5.4xlarge", {"cpu": 100.0, "used": 9}, {"cpu": 350.0, "used": 1})

    assert found.need is not None
    assert (found.need.vcpus, found.need.memory_bytes) == (4, int(9 * 1.25 * GIB))
    assert found.instance_type == "ml.m5.xlarge"


def test_nothing_is_named_when_nothing_was_measured() -> None:
    found = sized("ml.m5.xlarge", {"samples": 0})

    assert (found.instance_type, found.need, found.confidence) == (None, None, UNKNOWN)
    assert found.reasons == ("Nothing was measured on algo-1: its container ended too soon, or did not run.",)


def test_price_decides_where_the_prices_of_all_that_would_do_are_known() -> None:
    host = {"cpu": 3500.0, "used": 100}
    fitting = {"ml.r5.12xlarge": 3.0, "ml.m5.12xlarge": 2.5, "ml.r5.16xlarge": 4.0, "ml.m5.24xlarge": 5.0}
    rest = {"ml.r5.24xlarge": 6.0, "ml.c5.18xlarge": 2.0}

    assert sized("ml.m5.24xlarge", host, prices={**fitting, **rest}).instance_type == "ml.c5.18xlarge"
    assert sized("ml.m5.24xlarge", host, prices=fitting).instance_type == "ml.m5.12xlarge"
