"""An instance type that promises more than the machine has: capped, refused or scaled, and never silently."""

from processing_emulator.domain.capacity import Sizing
from processing_emulator.domain.instance_types import GIB
from tests.fakes.probes import FakeHostProbe
from tests.unit.engine.engine_rig import Rig

LARGE = "ml.m5.4xlarge"
"""16 vCPU, 64 GiB."""


def test_history_says_what_a_capped_instance_has_and_what_its_type_promises(rig: Rig) -> None:
    rig.host = FakeHostProbe(vcpus=4.0, memory_bytes=8 * GIB)
    rig.start_emulator()
    job = rig.add(instance_type=LARGE)

    assert rig.wait_for_end(job).status == "Completed"
    (admitted,) = [event for event in rig.jobs.list_events(job.id) if event.action == "admitted"]
    assert admitted.detail == {
        "capped": True,
        "instance_type": LARGE,
        "vcpus": 4.0,
        "promised_vcpus": 16,
        "memory_mib": 8 * 1024,
        "promised_memory_mib": 64 * 1024,
    }


def test_job_that_must_be_whole_fails_at_once_on_a_small_machine(rig: Rig) -> None:
    rig.host = FakeHostProbe(vcpus=4.0, memory_bytes=8 * GIB)
    rig.start_emulator(sizing=Sizing(whole=True))

    failed = rig.wait_for_end(rig.add(instance_type=LARGE))

    assert failed.status == "Failed"
    assert failed.failure_reason is not None
    assert failed.failure_reason.startswith("CapacityError: Unable to provision requested ML compute capacity.")
    assert "needs 16 vCPU; this host has 4" in failed.failure_reason


def test_scaled_instance_gets_its_share(rig: Rig) -> None:
    rig.host = FakeHostProbe(vcpus=64.0, memory_bytes=64 * GIB)
    emulator = rig.start_emulator(sizing=Sizing(scale=0.125))

    assert rig.wait_for_end(rig.add(instance_type=LARGE)).status == "Completed"
    (spec,) = emulator.runtime.specs
    assert (spec.limits.vcpus, spec.limits.memory_bytes, spec.limits.capped) == (2.0, 8 * GIB, True)
