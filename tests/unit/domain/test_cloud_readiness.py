"""What the real service would say to a job; each rule, and jobs that it has nothing to say about."""

from typing import Any

import pytest

from processing_emulator.domain.cloud_job import CloudJob, Finding, Verdict
from processing_emulator.domain.cloud_readiness import findings_of
from processing_emulator.domain.job import JobEvent, Limits
from tests.builders import a_key, a_request, an_input, an_output
from tests.unit.jobs.job_requests import START

ACCOUNT = "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/Mine"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/mine:1"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
LIMITS = Limits(vcpus=2, reserved_vcpus=2, memory_bytes=3 * 1024**3, volume_bytes=1)
KEY = "11111111-2222-3333-4444-555555555555"


def a_job(*, account: str = "000000000000", region: str = "us-east-1", **changes: Any) -> CloudJob:
    """A job that the service would take, but for what the test changes in its request."""
    facts = {name: changes.pop(name) for name in ("tags", "limits", "events") if name in changes}
    given: dict[str, Any] = {"image": IMAGE, "RoleArn": ROLE, **changes}
    return CloudJob(key=a_key(account=account, region=region), request=a_request(**given), **facts)


def rules(job: CloudJob) -> dict[str, Verdict]:
    return {finding.rule: finding.verdict for finding in findings_of(job) if finding.rule != "role"}


def found(job: CloudJob, rule: str) -> Finding:
    (finding,) = (finding for finding in findings_of(job) if finding.rule == rule)
    return finding


def test_a_job_of_ones_own_account_needs_its_role_only() -> None:
    inputs, outputs = [an_input(uri="s3://my-data/in/")], [an_output(uri=f"s3://sagemaker-us-east-1-{ACCOUNT}/out")]
    job = a_job(inputs=inputs, outputs=outputs)

    assert [(finding.rule, finding.verdict) for finding in findings_of(job)] == [("role", Verdict.NEEDED)]
    assert findings_of(job)[0].sentence.startswith("The role service-role/Mine must exist, let sagemaker.amazonaws.com")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("python:3.11", "is not in a private registry of ECR"),
        ("public.ecr.aws/docker/library/python:3.11", "is not in a private registry of ECR"),
        ("processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3", "exists on this machine only"),
        ("processing-emulator/python:test", "exists on this machine only"),
    ],
)
def test_an_image_outside_of_ecr_is_refused(image: str, words: str) -> None:
    """Spec 1.2, P-E05."""
    job = a_job(image=image)

    assert rules(job) == {"image-not-in-ecr": Verdict.REFUSED}
    assert words in found(job, "image-not-in-ecr").sentence


def test_an_image_of_aws_in_the_jobs_region_is_taken() -> None:
    assert rules(a_job(image=SKLEARN)) == {}


def test_an_image_of_another_region_is_refused() -> None:
    """P-E04; an image that a stand-in replaces here, too."""
    job = a_job(image=SKLEARN, region="us-west-2")

    assert rules(job) == {"image-in-another-region": Verdict.REFUSED}
    assert found(job, "image-in-another-region").sentence == (
        "The image is in ECR in us-east-1; the service takes one in us-west-2 only."
    )


def test_an_image_of_another_account_needs_a_policy() -> None:
    job = a_job(image=IMAGE.replace(ACCOUNT, "333344445555"))

    assert rules(job) == {"image-in-another-account": Verdict.NEEDED}
    assert f"the role in {ACCOUNT} pull" in found(job, "image-in-another-account").sentence


@pytest.mark.parametrize("account", ["000000000000", "123456789012", "111122223333"])
def test_a_role_of_nobodys_account_is_refused_and_nothing_is_compared_with_it(account: str) -> None:
    """Spec 1.2."""
    job = a_job(RoleArn=f"arn:aws:iam::{account}:role/anything")

    assert rules(job) == {"role-is-a-placeholder": Verdict.REFUSED}
    assert account in found(job, "role-is-a-placeholder").sentence


def test_a_role_of_another_account_is_refused() -> None:
    """P-E06."""
    job = a_job(account="333344445555", image=IMAGE.replace(ACCOUNT, "333344445555"))

    assert rules(job) == {"role-of-another-account": Verdict.REFUSED}


def test_kms_keys_are_needed_and_those_of_another_region_refused() -> None:
    """Spec 1.3, 4."""
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY}"
    athena = {"AthenaDatasetDefinition": {"KmsKeyId": KEY, "OutputS3Uri": "s3://my-data/q/"}, "LocalPath": "/x"}
    job = a_job(ProcessingInputs=[{"InputName": "q", "DatasetDefinition": athena, "AppManaged": True}])
    job.request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] = KEY
    job.request["ProcessingOutputConfig"] = {"Outputs": [], "KmsKeyId": arn}  # type: ignore[index]

    assert [
        (finding.rule, finding.verdict, finding.member) for finding in findings_of(job) if "kms" in finding.rule
    ] == [
        ("kms-key-in-another-region", "refused", "ProcessingOutputConfig.KmsKeyId"),
        ("kms-key", "needed", "ProcessingResources.ClusterConfig.VolumeKmsKeyId"),
        ("kms-key", "needed", "ProcessingInputs[0].DatasetDefinition.AthenaDatasetDefinition.KmsKeyId"),
    ]


@pytest.mark.parametrize(
    ("instance_type", "hosts", "usual"), [("ml.m5.xlarge", 1, 0), ("ml.t3.medium", 5, 4), ("ml.g4dn.xlarge", 1, 0)]
)
def test_a_type_beyond_the_quota_of_a_new_account_is_told(instance_type: str, hosts: int, usual: int) -> None:
    """Spec 1.2, 7.1."""
    job = a_job(instance_type=instance_type, hosts=hosts)

    assert rules(job) == {"instance-quota": Verdict.NEEDED}
    assert found(job, "instance-quota").sentence == (
        f"The quota '{instance_type} for processing job usage' must be at least {hosts}; a new account has {usual}."
    )


def test_all_instance_preferences_are_looked_at() -> None:
    job = a_job()
    job.request["ProcessingResources"]["ClusterConfig"] = {
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
        "InstancePreferences": [{"InstanceType": "ml.t3.medium"}, {"InstanceType": "ml.p5.4xlarge"}],
    }

    assert "'ml.p5.4xlarge for" in found(job, "instance-quota").sentence


def test_a_large_volume_needs_a_quota_unless_the_type_brings_its_own() -> None:
    """Spec 7.1, 7.2."""
    assert rules(a_job(volume_gib=1025)) == {"volume-quota": Verdict.NEEDED}
    assert rules(a_job(volume_gib=1024)) == {}
    assert "volume-quota" not in rules(a_job(volume_gib=1500, instance_type="ml.g5.16xlarge"))


def test_a_run_time_of_more_than_five_days_is_told() -> None:
    """Spec 7.1."""
    assert rules(a_job(StoppingCondition={"MaxRuntimeInSeconds": 432_001})) == {"run-time-quota": Verdict.NEEDED}
    assert rules(a_job(StoppingCondition={"MaxRuntimeInSeconds": 432_000})) == {}


@pytest.mark.parametrize(
    ("uri", "rule", "verdict"),
    [
        ("s3://b/in/", "bucket-name", Verdict.REFUSED),
        ("s3://Data_1/in/", "bucket-name", Verdict.REFUSED),
        (f"s3://sagemaker-eu-west-1-{ACCOUNT}/in/", "bucket-in-another-region", Verdict.REFUSED),
        ("s3://sagemaker-us-east-1-333344445555/in/", "bucket-of-another-account", Verdict.NEEDED),
        ("https://my-data.s3.amazonaws.com/in/", "https-uri", Verdict.DIFFERS),
    ],
)
def test_buckets_that_the_service_would_not_read(uri: str, rule: str, verdict: Verdict) -> None:
    """Spec 3.1, in inputs and in outputs."""
    assert rules(a_job(inputs=[an_input(uri=uri)])) == {rule: verdict}
    assert found(a_job(outputs=[an_output(uri=uri)]), rule).member == "ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"


def test_an_image_of_another_platform_does_not_run_there() -> None:
    """Spec 7.2: no type has ARM processors."""

    def ran_as(platform: str | None) -> CloudJob:
        return a_job(events=[JobEvent(at=START, action="image_ready", detail={"platform": platform})])

    assert rules(ran_as("linux/arm64/v8")) == {"image-platform": Verdict.REFUSED}
    assert rules(ran_as("linux/amd64")) == rules(ran_as(None)) == {}


def test_subnets_and_groups_are_needed() -> None:
    """Spec 2.5."""
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    assert rules(a_job(NetworkConfig={"VpcConfig": vpc})) == {"vpc": Verdict.NEEDED}
    assert rules(a_job(NetworkConfig={"EnableNetworkIsolation": True})) == {}


def test_tags_need_a_permission_and_those_of_the_emulator_mean_nothing() -> None:
    """P-E08."""
    assert rules(a_job(tags={"team": "a"})) == {"tags": Verdict.NEEDED}
    both = a_job(tags={"processing-emulator:cache": "off"})
    assert rules(both) == {"tags": Verdict.NEEDED, "emulator-tags": Verdict.DIFFERS}


def test_variables_of_the_emulator_and_addresses_of_this_machine_are_told_without_their_values() -> None:
    """Spec 2.2."""
    environment = {
        "PROCESSING_EMULATOR_SIMULATE_SECONDS": "1",
        "DB": "postgresql://me:secret@host.docker.internal/x",
        "A": "b",
    }
    job = a_job(Environment=environment, arguments=["--url", "http://172.17.0.1:9320"])

    assert rules(job) == {"emulator-variables": Verdict.DIFFERS, "address-of-this-machine": Verdict.DIFFERS}
    members = [each.member for each in findings_of(job) if each.rule == "address-of-this-machine"]
    assert rules(a_job(Environment={"MASTER_ADDR": "127.0.0.1"})) == {}, "a container's own address, there as here"
    assert members == ["Environment.DB", "AppSpecification.ContainerArguments[1]"]
    assert not any("secret" in finding.sentence for finding in findings_of(job))


def test_pipes_and_queries_that_the_emulator_serves_are_told() -> None:
    """Spec 3.4, 3.5; what the container does itself is not the emulator's."""
    pipe = an_input(uri="s3://my-data/in/")
    pipe["S3Input"]["S3InputMode"] = "Pipe"
    query = {"InputName": "q", "DatasetDefinition": {"AthenaDatasetDefinition": {}, "LocalPath": "/x"}}

    assert rules(a_job(inputs=[pipe, query])) == {"pipe-names": Verdict.DIFFERS, "query-engine": Verdict.DIFFERS}
    assert rules(a_job(inputs=[{**query, "AppManaged": True}])) == {}


def test_a_run_that_was_unlike_one_on_the_type_is_told() -> None:
    """Spec 2.6, 7.2."""

    def event(action: str, **detail: Any) -> JobEvent:
        return JobEvent(at=START, action=action, detail=detail)

    substituted = event("image_substituted", host="algo-1", uri=SKLEARN, image="ours:1")
    job = a_job(
        image=SKLEARN,
        limits=[LIMITS, Limits(vcpus=1.5, reserved_vcpus=1, memory_bytes=1024**3, volume_bytes=1, capped=True)],
        events=[
            substituted,
            substituted,
            event("runs_without_gpus", instance_type="ml.g5.xlarge", gpus_per_instance=1),
            event("staged_in", cached_objects=2),
            event("staged_in", cached_objects=1),
        ],
    )

    assert [finding.sentence for finding in findings_of(job) if finding.rule != "role"] == [
        "It ran in ours:1 here, not in the image that it names.",
        "It ran without the 1 GPUs of ml.g5.xlarge.",
        "Its instances had less than their type here: 1.5 vCPUs and 1 GiB of memory.",
        "3 input objects came from the cache; the service downloads all of them for every job.",
    ]


def test_a_simulated_run_is_told() -> None:
    simulated = Limits(node="simulated", vcpus=1, reserved_vcpus=1, memory_bytes=1, volume_bytes=1)
    assert rules(a_job(limits=[simulated])) == {"simulated": Verdict.DIFFERS}


def test_what_is_refused_comes_first() -> None:
    job = a_job(image="python:3.11", tags={"processing-emulator:cache": "off"})

    verdicts = [finding.verdict for finding in findings_of(job)]
    assert verdicts == sorted(verdicts, key=list(Verdict).index)
    assert verdicts[0] is Verdict.REFUSED
