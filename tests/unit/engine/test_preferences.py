"""Instance preferences: the first that there is room for, as the service does it (spec 1.3; 8, question 25)."""

import json
from pathlib import Path
from typing import Any

from processing_emulator.domain.spec import InstanceChoice
from tests.fakes.container_script import FakeRun
from tests.unit.engine.engine_rig import Rig

SMALL = InstanceChoice(instance_type="ml.t3.medium", count=1)


def preferring(*names: str) -> dict[str, Any]:
    preferences = [{"InstanceType": name} for name in names]
    cluster = {"VolumeSizeInGB": 1, "InstanceCount": 1, "InstancePreferences": preferences}
    return {"ProcessingResources": {"ClusterConfig": cluster}}


def test_a_type_that_the_machine_can_never_run_is_passed_over(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.wait_for_end(rig.add(**preferring("ml.g5.xlarge", "ml.t3.medium", "ml.m5.large")))
    assert (job.phase, job.selected) == ("Completed", SMALL)


def test_a_single_preference_is_selected_too(rig: Rig) -> None:
    rig.start_emulator()
    assert rig.wait_for_end(rig.add(**preferring("ml.t3.medium"))).selected == SMALL


def test_a_job_without_preferences_has_nothing_selected(rig: Rig) -> None:
    rig.start_emulator()
    assert rig.wait_for_end(rig.add()).selected is None


def test_no_type_that_can_run_is_a_capacity_error_that_names_them_all(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.wait_for_end(rig.add(**preferring("ml.g5.xlarge", "ml.p3.2xlarge")))
    assert job.phase == "Failed"
    assert job.failure_reason is not None
    assert job.failure_reason.startswith("CapacityError: ")
    assert "ml.g5.xlarge" in job.failure_reason
    assert "ml.p3.2xlarge" in job.failure_reason


def test_the_container_reads_the_selected_type_in_its_configuration(rig: Rig, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def script(spec: Any) -> FakeRun:
        (config,) = [m.source for m in spec.mounts if m.target == "/opt/ml/config"]
        document = json.loads((config / "processingjobconfig.json").read_text())
        seen.append(document["ProcessingResources"]["ClusterConfig"])
        return FakeRun()

    rig.script = script
    rig.start_emulator()
    rig.wait_for_end(rig.add(**preferring("ml.g5.xlarge", "ml.t3.medium")))
    expected = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1, "VolumeKmsKeyId": None}
    assert seen == [expected]
