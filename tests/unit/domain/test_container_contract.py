"""The container contract (spec 2)."""

import json
from datetime import UTC, datetime

import pytest

from processing_emulator.aws.signatures.container_session import session_issuer
from processing_emulator.aws.signatures.session_tokens import SessionTokenIssuer
from processing_emulator.domain import container_contract
from processing_emulator.domain.spec import spec_of
from tests.builders import ROLE, a_key, a_request, an_input, an_output
from tests.unit.jobs.job_requests import StepClock


def test_resource_config_is_one_line_with_exactly_two_keys() -> None:
    content = container_contract.resource_config(("algo-1", "algo-2"), "algo-2")
    assert content == b'{"current_host":"algo-2","hosts":["algo-1","algo-2"]}'


def test_processing_job_config_has_the_service_s_key_order_nulls_and_download_mode() -> None:
    request = a_request(
        "My-Job", image="i:1", entrypoint=["python3", "p.py"], inputs=[an_input()], outputs=[an_output()]
    )
    text = container_contract.processing_job_config(a_key("My-Job"), request).decode()
    assert text == (
        '{"ProcessingJobArn":"arn:aws:sagemaker:us-east-1:000000000000:processing-job/my-job",'
        '"ProcessingJobName":"My-Job",'
        '"AppSpecification":{"ImageUri":"i:1","ContainerEntrypoint":["python3","p.py"],"ContainerArguments":null},'
        '"ProcessingInputs":[{"InputName":"in","AppManaged":false,"S3Input":{"LocalPath":"/opt/ml/processing/input",'
        '"S3Uri":"s3://bkt/in/","S3DataDistributionType":"FullyReplicated","S3DataType":"S3Prefix",'
        '"S3InputMode":"File","S3CompressionType":"None","S3DownloadMode":"StartOfJob"},"DatasetDefinition":null}],'
        '"ProcessingOutputConfig":{"Outputs":[{"OutputName":"out","AppManaged":false,"S3Output":'
        '{"LocalPath":"/opt/ml/processing/output","S3Uri":"s3://bkt/out","S3UploadMode":"EndOfJob"},'
        '"FeatureStoreOutput":null}],"KmsKeyId":null},'
        '"ProcessingResources":{"ClusterConfig":{"InstanceCount":1,"InstanceType":"ml.t3.medium",'
        '"VolumeSizeInGB":1,"VolumeKmsKeyId":null}},'
        '"RoleArn":"arn:aws:iam::111122223333:role/r","StoppingCondition":{"MaxRuntimeInSeconds":86400}}'
    )


@pytest.mark.parametrize(("environment", "present"), [({}, False), (None, False), ({"K": "V"}, True)])
def test_environment_is_missing_from_the_config_when_empty(environment: dict[str, str] | None, present: bool) -> None:
    request = a_request() if environment is None else a_request(Environment=environment)
    document = json.loads(container_contract.processing_job_config(a_key(), request))
    assert ("Environment" in document) is present
    assert document["ProcessingOutputConfig"] == {"Outputs": [], "KmsKeyId": None}


def test_only_config_output_and_the_outermost_local_paths_are_mounted() -> None:
    spec = spec_of(
        a_request(
            inputs=[
                an_input("a", path="/opt/ml/processing/input"),
                an_input("b", path="/opt/ml/processing/input/code/"),
                an_input("c", path="/opt/ml/processing/input-2"),
            ],
            outputs=[an_output(path="/opt/ml/processing/out")],
        )
    )
    assert [(m.folder, m.target) for m in container_contract.mounts_of(spec)] == [
        ("config", "/opt/ml/config"),
        ("output", "/opt/ml/output"),
        ("processing/input", "/opt/ml/processing/input"),
        ("processing/input-2", "/opt/ml/processing/input-2"),
        ("processing/out", "/opt/ml/processing/out"),
    ]


ACCESS = container_contract.ContainerAccess(endpoint_url="http://172.17.0.1:9320", secret_key="s")


def test_the_folder_of_named_pipes_is_mounted_and_is_no_view() -> None:
    """Spec 3.4: the pipes are called `LocalPath_0` and so on. A FIFO in an overlay is another than the one below it."""
    pipe = an_input("p", path="/opt/ml/processing/input/train")
    pipe["S3Input"]["S3InputMode"] = "Pipe"
    files = [an_input("f", path="/opt/ml/processing/input/files"), an_input("g", path="/opt/ml/processing/g")]
    spec = spec_of(a_request(inputs=[pipe, *files], outputs=[]))
    assert [(m.target, m.is_input) for m in container_contract.mounts_of(spec)[2:]] == [
        ("/opt/ml/processing/g", True),
        ("/opt/ml/processing/input", False),
    ]


def test_environment_has_region_endpoint_and_account_key_but_no_default_region() -> None:
    spec = spec_of(a_request())
    assert container_contract.environment_of(spec, a_key(account="123456789012", region="eu-west-1"), ACCESS) == {
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://172.17.0.1:9320",
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "s",
    }


def test_variables_of_the_request_override_ours() -> None:
    spec = spec_of(a_request(Environment={"AWS_ENDPOINT_URL": "http://elsewhere", "AWS_REGION": "x"}))
    environment = container_contract.environment_of(spec, a_key(), ACCESS)
    assert environment["AWS_ENDPOINT_URL"] == "http://elsewhere"
    assert environment["AWS_REGION"] == "x"


ISSUER = SessionTokenIssuer(b"a secret")
SESSIONS = container_contract.ContainerAccess(endpoint_url="http://e", issue=session_issuer(ISSUER, StepClock()))


def test_enforced_signatures_give_the_container_session_credentials() -> None:
    spec = spec_of(a_request(StoppingCondition={"MaxRuntimeInSeconds": 100}))

    environment = container_contract.environment_of(spec, a_key(account="123456789012"), SESSIONS)

    access_key, token = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SESSION_TOKEN"]
    session, secret = ISSUER.open(access_key, token)
    assert environment["AWS_SECRET_ACCESS_KEY"] == secret
    assert session.arn == f"arn:aws:sts::123456789012:assumed-role/{ROLE.rpartition('/')[2]}/SageMaker"
    assert session.expires_at == datetime(2026, 1, 2, 4, 5, 45, tzinfo=UTC)


def test_session_token_is_omitted_when_the_request_sets_keys() -> None:
    spec = spec_of(a_request(Environment={"AWS_ACCESS_KEY_ID": "own", "AWS_SECRET_ACCESS_KEY": "secret"}))

    environment = container_contract.environment_of(spec, a_key(), SESSIONS)

    assert environment["AWS_ACCESS_KEY_ID"] == "own"
    assert "AWS_SESSION_TOKEN" not in environment


def test_isolated_container_has_no_endpoint_and_no_credentials() -> None:
    spec = spec_of(a_request(NetworkConfig={"EnableNetworkIsolation": True}, Environment={"K": "V"}))
    assert container_contract.environment_of(spec, a_key(), ACCESS) == {"AWS_REGION": "us-east-1", "K": "V"}


def test_container_without_credentials_gets_only_the_endpoint() -> None:
    access = container_contract.ContainerAccess(endpoint_url="http://e")
    assert container_contract.environment_of(spec_of(a_request()), a_key(), access) == {
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://e",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", None),
        (b"done", "done"),
        (b"x" * 2000, "x" * 1024),
        ("é".encode() * 600, "é" * 512),
        (b"a" + "é".encode() * 600, "a" + "é" * 511),
    ],
)
def test_exit_message_is_the_first_kilobyte(content: bytes, message: str | None) -> None:
    assert container_contract.exit_message_of(content) == message


@pytest.mark.parametrize("content", [b"\xff\xfe", b"ok\xc3", b"\xff" + b"a" * 2000])
def test_exit_message_that_is_not_utf_8_is_an_error(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        container_contract.exit_message_of(content)
