"""GPU types: a device belongs to one job at a time, and no job runs on the CPU instead without saying so."""

from processing_emulator.domain.capacity import Sizing
from tests.fakes.probes import FakeHostProbe
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

HOLD = {"FAKE_HOLD": "1"}
ONE_GPU, EIGHT_GPUS = "ml.g4dn.xlarge", "ml.g5.48xlarge"
DEVICES = ("GPU-00000000-aaaa", "GPU-11111111-bbbb")


def test_two_jobs_never_share_a_gpu_and_a_third_waits_for_one(rig: Rig) -> None:
    rig.host = FakeHostProbe(vcpus=64.0, memory_bytes=1 << 40, gpu_ids=DEVICES)
    emulator = rig.start_emulator()
    first, second, third = (
        rig.add(name, instance_type=ONE_GPU, Environment=HOLD) for name in ("first", "second", "third")
    )
    for job in (first, second):
        rig.wait_for_phase(job, "Running")
    assert sorted(spec.limits.gpu_ids for spec in emulator.runtime.specs) == [(DEVICES[0],), (DEVICES[1],)]
    wait_for("the third to wait", lambda: emulator.scheduler.waiting_reason(third.id) == "GPU: 1 wanted, 0 free")

    freed = rig.jobs.list_instances(second.id)[0].limits.gpu_ids
    rig.machine.release(rig.container(second))
    rig.wait_for_phase(third, "Running")

    assert emulator.runtime.specs[2].limits.gpu_ids == freed
    for job in (first, third):
        rig.machine.release(rig.container(job))
        assert rig.wait_for_end(job).status == "Completed"


def test_a_gpu_job_without_gpus_runs_on_the_cpu_only_if_the_setting_says_so_and_is_told(rig: Rig) -> None:
    emulator = rig.start_emulator(sizing=Sizing(gpu_fallback=True))
    job = rig.add(instance_type=EIGHT_GPUS)
    assert rig.wait_for_end(job).status == "Completed"
    assert [spec.limits.gpu_ids for spec in emulator.runtime.specs] == [()]
    (told,) = [event for event in rig.jobs.list_events(job.id) if event.action == "runs_without_gpus"]
    assert told.detail == {"instance_type": EIGHT_GPUS, "gpus_per_instance": 8}


def test_with_the_fallback_a_job_still_gets_the_gpus_that_there_are(rig: Rig) -> None:
    rig.host = FakeHostProbe(vcpus=64.0, memory_bytes=1 << 40, gpu_ids=DEVICES)
    emulator = rig.start_emulator(sizing=Sizing(gpu_fallback=True))
    job = rig.add(instance_type=ONE_GPU)
    assert rig.wait_for_end(job).status == "Completed"
    assert emulator.runtime.specs[0].limits.gpu_ids == DEVICES[:1]
    assert "runs_without_gpus" not in rig.actions(job)
