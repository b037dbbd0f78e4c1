"""The right size of a job that has ended, in its document and on its page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from processing_emulator.domain.instance_types import GIB, catalogue
from processing_emulator.domain.job import GPU_LOST, JobEvent, JobFacts, Limits, ProcessingJob
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.usage import UsageSample, UsageScale, usage_data
from tests.builders import a_key, a_request
from tests.unit.admin.test_admin_app import World
from tests.unit.jobs.job_requests import START

COMPLETE = ContainerExit(code=0)


def a_run(
    world: World,
    instance_type: str = "ml.m5.xlarge",
    *,
    region: str = "us-east-1",
    seconds: int = 90,
    ended: ContainerExit = COMPLETE,
) -> None:
    """A job that has used 1.2 vCPUs and 2 GiB on its own instance for some seconds."""
    whole = catalogue()[instance_type]
    limits = Limits(
        vcpus=whole.vcpus,
        reserved_vcpus=whole.vcpus,
        memory_bytes=whole.memory_bytes,
        gpu_ids=("GPU",) * whole.gpus,
        volume_bytes=30 * GIB,
    )
    request = a_request()
    request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = instance_type
    job = world.store.add(a_key(region=region), request, {}, START)
    (record,) = world.store.ensure_instances(job.id, [limits])
    world.store.save_instance(replace(record, container_started_at=START, exit=ended, memory_high_water_bytes=3 * GIB))
    for second in range(seconds):
        at = START + timedelta(seconds=second)
        sample = UsageSample(
            at=at, cpu_percent=120.0, memory_bytes=2 * GIB, disk_bytes=5 * GIB, gpu_percent=80.0 if whole.gpus else None
        )
        scale = UsageScale(whole.memory_bytes, limits.volume_bytes)
        world.metrics.put(list(usage_data(job.key, "algo-1", sample, scale)))
    _end(world, job, seconds)


def _end(world: World, job: ProcessingJob, seconds: int) -> None:
    ended_at = START + timedelta(seconds=seconds - 0.5)
    world.store.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, START, JobFacts(started_at=START))
    world.store.advance(job.id, JobPhase.PULLING, JobPhase.FAILED, ended_at, JobFacts(ended_at=ended_at))


def test_document_names_the_type_its_price_and_why() -> None:
    world = World()
    a_run(world)

    assert world.get("/_emulator/jobs/job").document["rightSizing"] == {
        "instanceType": "ml.m5.large",
        "confidence": "sure",
        "verdict": "ml.m5.large would have done, instead of ml.m5.xlarge.",
        "cost": "1 min 30 s cost USD 0.0029 on 1 ml.m5.large (us-east-1, 2026-07-30), "
        "USD 0.0057 on 1 ml.m5.xlarge (us-east-1, 2026-09-13).",
        "reasons": [
            (
                "A host used up to 1.2 vCPUs, 2.0 GiB of memory and 5.0 GiB of its volume of 30.0 GiB; the type must"
                " have a quarter more memory than that."
            ),
            "One run was measured: larger inputs need more.",
        ],
        "needs": {"vcpus": 2, "memoryBytes": 2.5 * GIB, "gpus": 0, "volumeSizeInGB": 7},
        "billedSeconds": 90,
        "costs": [
            {
                "instanceType": "ml.m5.large",
                "instanceCount": 1,
                "usdPerHour": 0.115,
                "usd": 0.002875,
                "region": "us-east-1",
                "asOf": "2026-07-30",
                "source": "AWS Price List API, Processing, as quoted in a public course's cost model",
            },
            {
                "instanceType": "ml.m5.xlarge",
                "instanceCount": 1,
                "usdPerHour": 0.23,
                "usd": 0.00575,
                "region": "us-east-1",
                "asOf": "2026-09-13",
                "source": "AWS Price List API, Processing, as quoted in a public log; the course's cost model says the"
                " same",
            },
        ],
    }


def test_a_price_that_is_not_known_is_said_and_not_guessed() -> None:
    world = World()
    a_run(world, "ml.c6i.4xlarge")

    sizing = world.get("/_emulator/jobs/job").document["rightSizing"]

    assert sizing["instanceType"] == "ml.m6i.large"
    assert sizing["cost"] == "No price known for ml.m6i.large and ml.c6i.4xlarge."
    assert [cost["usd"] for cost in sizing["costs"]] == [None, None]


def test_another_region_is_priced_as_the_one_that_the_price_names() -> None:
    world = World()
    a_run(world, "ml.m5.large", region="eu-west-1", seconds=2)

    sizing = world.get("/_emulator/jobs/job?region=eu-west-1").document["rightSizing"]

    assert sizing["verdict"] == "ml.m5.large is the smallest that would have done."
    assert sizing["cost"] == "2.0 s cost less than USD 0.0001 on 1 ml.m5.large (us-east-1, 2026-07-30)."
    assert sizing["confidence"] == "likely"


def test_a_job_without_container_has_none() -> None:
    world = World()
    job = world.store.add(a_key(), a_request(), {}, START)
    assert world.get("/_emulator/jobs/job").document["rightSizing"] is None

    _end(world, job, 1)

    assert world.get("/_emulator/jobs/job").document["rightSizing"] is None


def test_page_of_the_job_shows_the_same() -> None:
    world = World()
    a_run(world)

    text = world.get("/_emulator/dashboard/jobs/job").body.decode()

    assert "ml.m5.large would have done, instead of ml.m5.xlarge." in text
    assert "How sure: sure." in text
    assert "USD 0.0029 on 1 ml.m5.large" in text
    assert "One run was measured: larger inputs need more." in text


@pytest.mark.parametrize(
    ("ended", "found"),
    [
        (ContainerExit(code=3), "ml.m5.large"),
        (ContainerExit(code=137, out_of_memory=True), "ml.r5.xlarge"),
        (ContainerExit(code=0, out_of_memory=True), "ml.r5.xlarge"),  # it went on without a part of it
    ],
)
def test_what_is_not_known_is_not_claimed(ended: ContainerExit, found: str) -> None:
    world = World()
    a_run(world, ended=ended)

    sizing = world.get("/_emulator/jobs/job").document["rightSizing"]

    assert (sizing["verdict"], sizing["confidence"]) == (f"{found} may do, instead of ml.m5.xlarge.", "unknown")


def test_a_gpu_that_was_lost_leaves_doubt() -> None:
    world = World()
    a_run(world, "ml.g5.xlarge")
    job = world.api.service.describe(a_key())
    world.store.add_event(job.id, JobEvent(at=START, action=GPU_LOST, detail={"host": "algo-1"}))

    sizing = world.get("/_emulator/jobs/job").document["rightSizing"]

    assert (sizing["instanceType"], sizing["confidence"]) == ("ml.g5.xlarge", "unknown")
    assert "What its GPUs did could not be measured to the end." in sizing["reasons"]
