"""A job through scheduler, supervisor and runner, on fakes."""

import json
from typing import Any

import pytest

from processing_emulator.domain.container_contract import ContainerAccess
from processing_emulator.domain.outcome import OUT_OF_MEMORY
from processing_emulator.domain.usage import GpuReading, UsageReading
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import ContainerSpec, ContainerState, NetworkAttachment, PullPolicy
from tests.builders import an_input, an_output
from tests.fakes.container_script import FakeRun, mounted
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

ALL_PHASES = ["Pulling", "StagingIn", "Starting", "Running", "StagingOut", "Completed"]


def test_it_passes_all_phases_in_order_and_leaves_nothing(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.add(Environment={"FAKE_PRINT": "hello\nworld"})
    ended = rig.wait_for_end(job)
    assert ended.status == "Completed"
    assert rig.phases(job) == ALL_PHASES
    assert rig.lines(job) == [b"hello", b"world"]
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.created_at <= ended.started_at <= ended.ended_at
    assert rig.leftovers() == []


def test_data_goes_in_and_out(rig: Rig) -> None:
    def work(spec: ContainerSpec) -> None:
        words = mounted(spec, "/opt/ml/processing/input/deep/x").read_text()
        out = mounted(spec, "/opt/ml/processing/output")
        assert list(out.iterdir()) == []
        (out / "sub").mkdir()
        (out / "sub" / "y").write_text(words.upper())

    rig.script = lambda spec: FakeRun(work=work)
    rig.objects.put("bkt", "in/deep/x", b"words")
    rig.start_emulator()
    job = rig.add(inputs=[an_input()], outputs=[an_output()])
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.objects.get("bkt", "out/sub/y") == b"WORDS"
    record = rig.jobs.list_instances(job.id)[0]
    assert record.staged_in is not None
    assert record.staged_out is not None
    assert (record.staged_in.objects, record.staged_in.size_bytes) == (1, 5)
    assert (record.staged_out.objects, record.staged_out.size_bytes) == (1, 5)


def test_two_outputs_with_one_local_path_both_get_every_file(rig: Rig) -> None:
    rig.start_emulator()
    outputs = [an_output("a", uri="s3://bkt/a"), an_output("b", uri="s3://bkt/b")]
    job = rig.add(Environment={"FAKE_WRITE": "/opt/ml/processing/output/d/f=x"}, outputs=outputs)
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.objects.keys("bkt") == ["a/d/f", "b/d/f"]


def test_app_managed_inputs_and_outputs_are_shown_to_the_container_and_left_to_it(rig: Rig) -> None:
    seen: dict[str, Any] = {}
    managed_in = {"AppManaged": True, "S3Input": {"S3Uri": "https://example.com/x", "S3DataType": "ManifestFile"}}
    managed_out = {"AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}
    definition = {"LocalPath": "/opt/ml/processing/athena", "DataDistributionType": "ShardedByS3Key"}

    def work(spec: ContainerSpec) -> None:
        seen.update(json.loads(mounted(spec, "/opt/ml/config/processingjobconfig.json").read_text()))
        seen["targets"] = [mount.target for mount in spec.mounts]

    rig.script = lambda spec: FakeRun(work=work)
    rig.start_emulator()
    job = rig.add(
        inputs=[
            {"InputName": "s3", **managed_in},
            {"InputName": "athena", "AppManaged": True, "DatasetDefinition": definition},
        ],
        outputs=[{"OutputName": "features", **managed_out}],
    )
    assert rig.wait_for_end(job).status == "Completed"
    assert seen["targets"] == ["/opt/ml/config", "/opt/ml/output"]
    s3, athena = seen["ProcessingInputs"]
    assert (s3["AppManaged"], s3["S3Input"]["S3Uri"], s3["S3Input"]["LocalPath"]) == (
        True,
        "https://example.com/x",
        None,
    )
    assert athena == {"InputName": "athena", "AppManaged": True, "S3Input": None, "DatasetDefinition": definition}
    assert seen["ProcessingOutputConfig"]["Outputs"] == [
        {
            "OutputName": "features",
            "AppManaged": True,
            "S3Output": None,
            "FeatureStoreOutput": {"FeatureGroupName": "g"},
        }
    ]


def test_the_container_is_what_the_request_says(rig: Rig) -> None:
    seen: dict[str, object] = {}

    def work(spec: ContainerSpec) -> None:
        seen["resource"] = json.loads(mounted(spec, "/opt/ml/config/resourceconfig.json").read_text())
        seen["job"] = json.loads(mounted(spec, "/opt/ml/config/processingjobconfig.json").read_text())

    rig.script = lambda spec: FakeRun(work=work)
    access = ContainerAccess(endpoint_url="http://172.17.0.1:9320", secret_key="s")
    emulator = rig.start_emulator(container_access=access)
    job = rig.add(entrypoint=["a", "b"], arguments=["c"], Environment={"K": "V"}, instance_type="ml.m5.large")
    rig.wait_for_end(job)
    spec = emulator.runtime.specs[0]
    assert (spec.entrypoint, spec.arguments, spec.hostname) == (("a", "b"), ("c",), "algo-1")
    assert spec.network == NetworkAttachment(network="shared")
    assert spec.environment["K"] == "V"
    assert spec.environment["AWS_ENDPOINT_URL"] == "http://172.17.0.1:9320"
    assert (spec.limits.vcpus, spec.limits.memory_bytes, spec.shm_bytes) == (2, 8 * 1024**3, 4 * 1024**3)
    assert spec.labels["processing-emulator.job-name"] == "job"
    assert seen["resource"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert isinstance(seen["job"], dict)
    assert seen["job"]["ProcessingJobName"] == "job"


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"FAKE_EXIT_CODE": "3"}, "AlgorithmError: , exit code: 3"),
        ({"FAKE_EXIT_CODE": "2", "FAKE_WRITE": "/opt/ml/output/message=sorry"}, "AlgorithmError: sorry, exit code: 2"),
        ({"FAKE_OUT_OF_MEMORY": "1"}, OUT_OF_MEMORY),
        ({"FAKE_REJECT": "126"}, 'AlgorithmError: exec: "/fake": permission denied, exit code: 126'),
        (
            {"FAKE_REJECT": "127"},
            'AlgorithmError: exec: "/fake": stat /fake: no such file or directory, exit code: 127',
        ),
    ],
)
def test_a_container_that_fails_names_its_reason_and_leaves_nothing(
    rig: Rig, environment: dict[str, str], reason: str
) -> None:
    rig.start_emulator()
    ended = rig.wait_for_end(rig.add(Environment=environment))
    assert (ended.status, ended.failure_reason) == ("Failed", reason)
    assert rig.leftovers() == []


def test_outputs_of_a_failed_container_are_uploaded(rig: Rig) -> None:
    rig.start_emulator()
    environment = {"FAKE_EXIT_CODE": "1", "FAKE_WRITE": "/opt/ml/processing/output/f=partial"}
    assert rig.wait_for_end(rig.add(Environment=environment, outputs=[an_output()])).status == "Failed"
    assert rig.objects.get("bkt", "out/f") == b"partial"


def test_a_missing_image_fails_before_anything_is_staged(rig: Rig) -> None:
    rig.machine.images = set()
    rig.objects.put("bkt", "in/x", b"x")
    rig.start_emulator()
    job = rig.add(image="team/missing:1", inputs=[an_input()])
    ended = rig.wait_for_end(job)
    assert ended.failure_reason == (
        "ClientError: API error (404): manifest for team/missing:1 not found: manifest unknown: "
        "Requested image not found (to see why: processing-emulator images pull team/missing:1; "
        "log in to its registry (docker login), or name an image to run instead in PROCESSING_EMULATOR_IMAGE_MAP)"
    )
    assert rig.phases(job) == ["Pulling", "Failed"]
    assert rig.jobs.list_instances(job.id)[0].staged_in is None


def test_a_framework_image_that_is_not_here_is_substituted_and_the_history_says_so(rig: Rig) -> None:
    rig.machine.images = {"processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"}
    emulator = rig.start_emulator()
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    job = rig.add(image=uri)
    assert rig.wait_for_end(job).status == "Completed"
    assert emulator.runtime.specs[0].image == "sha256:processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"
    assert "image_substituted" in rig.actions(job)


def test_the_real_framework_image_is_taken_when_it_is_here(rig: Rig) -> None:
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    rig.machine.images = {uri, "processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"}
    emulator = rig.start_emulator()
    job = rig.add(image=uri)
    assert rig.wait_for_end(job).status == "Completed"
    assert emulator.runtime.specs[0].image == f"sha256:{uri}"
    assert "image_substituted" not in rig.actions(job)


def test_a_deep_learning_container_that_cannot_be_pulled_comes_from_the_public_gallery(rig: Rig) -> None:
    name = "pytorch-training:2.8.0-cpu-py312"
    mirror = f"public.ecr.aws/deep-learning-containers/{name}"
    rig.machine.images, rig.machine.registry = set(), {mirror}
    emulator = rig.start_emulator()
    job = rig.add(image=f"763104351884.dkr.ecr.us-east-1.amazonaws.com/{name}")
    assert rig.wait_for_end(job).status == "Completed"
    assert emulator.runtime.pulls == [mirror]
    (ready,) = [event.detail for event in rig.jobs.list_events(job.id) if event.action == "image_ready"]
    repository = mirror.rpartition(":")[0]
    assert (ready["id"], ready["platform"]) == (f"sha256:{mirror}", "linux/amd64")
    assert ready["digests"] == [f"{repository}@sha256:{'5' * 64}"]
    assert emulator.runtime.specs[0].platform == "linux/amd64"
    assert "image_pull" in rig.actions(job), "the progress of the pull is in the history"
    assert "image_substituted" in rig.actions(job)


def test_a_framework_image_without_stand_in_fails_with_what_to_do(rig: Rig) -> None:
    rig.machine.images = set()
    rig.start_emulator()
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:0.23-1-cpu-py3"
    reason = str(rig.wait_for_end(rig.add(image=uri)).failure_reason)
    assert reason.startswith(f"ClientError: API error (404): manifest for {uri} not found: manifest unknown: ")
    assert "processing-emulator images build scikit-learn:1.0-1" in reason
    assert "PROCESSING_EMULATOR_IMAGE_MAP" in reason


def test_a_stand_in_that_is_not_built_fails_with_the_command(rig: Rig) -> None:
    rig.machine.images = set()
    rig.start_emulator()
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    reason = str(rig.wait_for_end(rig.add(image=uri)).failure_reason)
    assert "build it: processing-emulator images build scikit-learn:1.2-1" in reason
    assert "PROCESSING_EMULATOR_IMAGE_MAP" in reason


def test_the_image_that_the_user_s_map_names_is_the_one_to_look_for(rig: Rig) -> None:
    rig.machine.images = set()
    rig.start_emulator(image_map={"python:3.11": "team/own:1"})
    reason = str(rig.wait_for_end(rig.add(image="python:3.11")).failure_reason)
    assert "manifest for team/own:1 not found" in reason
    assert "processing-emulator images pull team/own:1" in reason


def test_a_text_that_is_no_name_of_an_image_is_only_told_so(rig: Rig) -> None:
    rig.machine.images = set()
    rig.start_emulator()
    reason = str(rig.wait_for_end(rig.add(image="Not/An/Image")).failure_reason)
    assert reason.startswith("ClientError: 'Not/An/Image' does not name an image")
    assert "images pull" not in reason


def test_pull_policy_always_pulls_an_image_that_is_here(rig: Rig) -> None:
    rig.machine.images, rig.machine.registry = {"i:1"}, {"i:1"}
    emulator = rig.start_emulator(pull_policy=PullPolicy.ALWAYS)
    assert rig.wait_for_end(rig.add(image="i:1")).status == "Completed"
    assert emulator.runtime.pulls == ["i:1"]


def test_an_empty_prefix_fails_the_job(rig: Rig) -> None:
    rig.objects.create_bucket("bkt")
    rig.start_emulator()
    ended = rig.wait_for_end(rig.add(inputs=[an_input()]))
    assert ended.failure_reason == "ClientError: Failed to download data. No S3 objects found under s3://bkt/in/"


@pytest.mark.parametrize("key", ["in/../../escape", "in/a/./b", "in/nul\0"])
def test_a_key_that_would_leave_its_folder_fails_the_job_and_writes_nothing(rig: Rig, key: str) -> None:
    """Real stores refuse such keys on their way in; another one may not."""
    rig.objects.put("bkt", key, b"x")
    emulator = rig.start_emulator()
    ended = rig.wait_for_end(rig.add(inputs=[an_input()]))
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("ClientError: Failed to download data. object key")
    assert emulator.runtime.specs == []
    assert not (rig.folder.parent / "escape").exists()


def test_an_upload_that_fails_fails_a_job_whose_container_did_its_work(rig: Rig) -> None:
    rig.start_emulator()
    environment = {"FAKE_WRITE": "/opt/ml/processing/output/f=x"}
    ended = rig.wait_for_end(rig.add(Environment=environment, outputs=[an_output(uri="s3://missing/out")]))
    assert ended.status == "Failed"
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("ClientError: Artifact upload failed:")
    assert "NoSuchBucket" in ended.failure_reason


def test_a_message_that_is_not_utf_8_fails_the_job(rig: Rig) -> None:
    def work(spec: ContainerSpec) -> None:
        mounted(spec, "/opt/ml/output/message").write_bytes(b"\xff\xfe")

    rig.script = lambda spec: FakeRun(work=work)
    rig.start_emulator()
    ended = rig.wait_for_end(rig.add())
    assert ended.failure_reason == "ClientError: /opt/ml/output/message is not UTF-8: invalid start byte"


def test_usage_and_gpus_are_sampled(rig: Rig) -> None:
    reading = GpuReading(gpu_id="g0", utilization_percent=70, memory_used_bytes=1, memory_total_bytes=4)
    rig.gpus.readings = {"g0": reading}
    rig.host = type(rig.host)(vcpus=8.0, memory_bytes=64 * 1024**3, gpu_ids=("g0",))
    rig.script = lambda spec: FakeRun(holds=True, usage=UsageReading(cpu_seconds=1.0, memory_bytes=77))
    emulator = rig.start_emulator()
    job = rig.add(instance_type="ml.g5.xlarge")
    wait_for("two samples", lambda: (rig.jobs.list_instances(job.id) and rig.peaks(job).samples >= 2) or None, 10)
    rig.machine.release(rig.container(job))
    assert rig.wait_for_end(job).status == "Completed"
    peaks = rig.peaks(job)
    assert (peaks.memory_bytes, peaks.gpu_percent, peaks.gpu_memory_percent) == (77, 70, 25)
    assert emulator.runtime.specs[0].limits.gpu_ids == ("g0",)


def test_a_fault_of_the_platform_is_an_internal_error_with_its_fact(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("create", RuntimeFailure("no space left on device"))
    ended = rig.wait_for_end(rig.add())
    assert ended.failure_reason == (
        "InternalServerError: We encountered an internal error.  Please try again. (no space left on device)"
    )


def test_two_hosts_start_together_and_one_that_fails_ends_the_other(rig: Rig) -> None:
    rig.host = type(rig.host)(vcpus=8.0)
    rig.script = lambda spec: FakeRun(holds=True)
    emulator = rig.start_emulator()
    cluster = {"InstanceCount": 2, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    job = rig.add(ProcessingResources={"ClusterConfig": cluster})
    for host in ("algo-1", "algo-2"):
        rig.machine.await_state(rig.container(job, host), ContainerState.RUNNING)
    rig.machine.release(rig.container(job, "algo-2"), exit_code=7)
    ended = rig.wait_for_end(job)
    assert (ended.status, ended.failure_reason) == ("Failed", "AlgorithmError: , exit code: 7")
    assert sorted(spec.hostname for spec in emulator.runtime.specs) == ["algo-1", "algo-2"]
    assert rig.leftovers() == []
