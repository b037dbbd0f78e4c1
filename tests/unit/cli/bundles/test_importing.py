"""Documents of the cloud become requests. The documents are real ones; their account numbers are masked."""

import json
from pathlib import Path
from typing import Any

import click
import pytest

from processing_emulator.cli.bundles.importing import CloudDocument, Imported, Mapped, imported, parse_document

DOCUMENTS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "cloud_documents.json").read_text())
"""P-D01 to P-D09 of the parity corpus, as far as they are whole."""

ACCOUNT = "000000000000"
REQUEST_MEMBERS = {
    *("ProcessingInputs", "ProcessingOutputConfig", "ProcessingJobName", "ProcessingResources", "StoppingCondition"),
    *("AppSpecification", "Environment", "NetworkConfig", "RoleArn", "ExperimentConfig", "Tags"),
}


def of(document: dict[str, Any], **changes: Any) -> Imported:
    return imported(parse_document(json.dumps(document).encode()), Mapped(account=ACCOUNT, **changes))


def changed(name: str, **members: Any) -> dict[str, Any]:
    return {**DOCUMENTS[name], **members}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_real_documents_become_the_requests_that_made_them(name: str) -> None:
    document = DOCUMENTS[name]
    request = of(document).request

    expected = {member: value for member, value in document.items() if member in REQUEST_MEMBERS}
    expected["RoleArn"] = document["RoleArn"].replace("111122223333", ACCOUNT)
    if name == "P-D08":
        del expected["ProcessingInputs"][1]["DatasetDefinition"]["AthenaDatasetDefinition"]["OutputDatasetS3Uri"]
    assert request == expected


def test_what_no_request_has_is_dropped_with_a_sentence() -> None:
    notes = of(DOCUMENTS["P-D09"]).notes
    assert notes == [f"RoleArn is mapped to arn:aws:iam::{ACCOUNT}:role/TeamRole: no role is assumed here"]

    athena = {"AthenaDatasetDefinition": {**_athena("P-D07"), "OutputDatasetS3Uri": "s3://b/x/data", "KmsKeyId": "k"}}
    dataset = {**DOCUMENTS["P-D07"]["ProcessingInputs"][1], "DatasetDefinition": {**_definition("P-D07"), **athena}}
    where = "ProcessingInputs[0].DatasetDefinition.AthenaDatasetDefinition"
    assert of(changed("P-D07", ProcessingInputs=[dataset])).notes[0::2] == [
        f"{where}.KmsKeyId is dropped: nothing is encrypted with KMS keys here",
        f"{where}.OutputDatasetS3Uri is dropped: a request has no such member",
    ]


def _definition(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = DOCUMENTS[name]["ProcessingInputs"][1]["DatasetDefinition"]
    return definition


def _athena(name: str) -> dict[str, Any]:
    athena: dict[str, Any] = _definition(name)["AthenaDatasetDefinition"]
    return athena


def test_keys_networks_and_selections_of_the_cloud_are_dropped() -> None:
    cluster = {
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
        "VolumeKmsKeyId": "key",
        "InstancePreferences": [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.t3.medium"}],
        "SelectedInstanceType": "ml.m5.large",
        "SelectedInstanceCount": 1,
    }
    outputs = {**DOCUMENTS["P-D01"]["ProcessingOutputConfig"], "KmsKeyId": "key"}
    vpc = {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}
    environment = {"KmsKeyId": "mine"}
    made = of(
        changed(
            "P-D01",
            ProcessingResources={"ClusterConfig": cluster},
            ProcessingOutputConfig=outputs,
            NetworkConfig=vpc,
            Environment=environment,
        )
    )

    assert sorted(made.request["ProcessingResources"]["ClusterConfig"]) == [
        *("InstanceCount", "InstancePreferences", "VolumeSizeInGB"),
    ]
    assert "KmsKeyId" not in made.request["ProcessingOutputConfig"]
    assert "NetworkConfig" not in made.request
    assert made.request["Environment"] == environment
    assert [note.partition(":")[0] for note in made.notes][:4] == [
        "the cloud selected ml.m5.large; here the preferences decide",
        "ProcessingOutputConfig.KmsKeyId is dropped",
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId is dropped",
        "NetworkConfig.VpcConfig is dropped",
    ]


def test_network_isolation_stays() -> None:
    config = {"EnableNetworkIsolation": True, "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}
    assert of(changed("P-D01", NetworkConfig=config)).request["NetworkConfig"] == {"EnableNetworkIsolation": True}


def test_image_type_and_name_are_those_of_the_command_line() -> None:
    made = of(DOCUMENTS["P-D01"], image="mine:1", instance_type="ml.m5.large", name="here")

    assert made.request["AppSpecification"]["ImageUri"] == "mine:1"
    assert made.request["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.large"
    assert made.request["ProcessingJobName"] == "here"
    assert any(note.endswith("is replaced by mine:1") for note in made.notes)


def test_buckets_are_mapped_wherever_they_stand() -> None:
    cloud = "sagemaker-us-east-1-111122223333"
    made = of(changed("P-D05", Environment={"WHERE": f"s3a://{cloud}/x"}), buckets={cloud: "mine"})

    assert made.request["ProcessingInputs"][0]["S3Input"]["S3Uri"].startswith("s3://mine/spark-als-")
    assert made.request["AppSpecification"]["ContainerArguments"][3].startswith("s3://mine/spark-als-")
    assert made.request["Environment"] == {"WHERE": "s3a://mine/x"}
    assert made.original["ProcessingInputs"][0]["S3Input"]["S3Uri"].startswith(f"s3://{cloud}/")
    assert "AppSpecification.ContainerArguments[3]: its bucket is mapped" in made.notes


def test_a_bucket_is_mapped_by_its_whole_name() -> None:
    made = of(changed("P-D01", Environment={"A": "s3://data-2/x s3://data"}), buckets={"data": "d"})
    assert made.request["Environment"] == {"A": "s3://data-2/x s3://d"}


@pytest.mark.parametrize(
    "document",
    [
        {"ResponseMetadata": {"RequestId": "x"}, **DOCUMENTS["P-D01"]},
        {**DOCUMENTS["P-D01"], "NetworkConfig": None, "Environment": None},
        {**DOCUMENTS["P-D01"], "CreationTime": "2026-05-26 17:56:47.512000-06:00"},
    ],
)
def test_forms_of_other_printers_are_read(document: dict[str, Any]) -> None:
    assert of(document).request["ProcessingJobName"] == DOCUMENTS["P-D01"]["ProcessingJobName"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{'ProcessingJobName': 'x'}", "this is not JSON"),
        (b"\xff", "this is not JSON"),
        (b"[" * 100_000, "this is not JSON"),
        (b" " * 2 * 1024**2, "it has more than 1048576 bytes"),
        (b'{"AppSpecification": ' + b"[" * 200 + b"]" * 200 + b"}", "it is nested more than 30 deep"),
        (b"[]", "it has no AppSpecification"),
        (b'{"TrainingJobName": "x"}', "it has no AppSpecification"),
        (b'{"AppSpecification": {}, "ProcessingResources": 1}', "it has no ProcessingResources.ClusterConfig"),
        (b'{"AppSpecification": 1, "ProcessingResources": {"ClusterConfig": {}}}', "the request is not valid: "),
        (b'{"AppSpecification": {}, "ProcessingResources": {"ClusterConfig": {}}}', "Member must not be null"),
    ],
)
def test_other_content_is_refused_with_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(click.ClickException) as fault:
        imported(parse_document(content), Mapped(account=ACCOUNT))
    assert words in fault.value.message


def test_region_and_end_are_read() -> None:
    failed = CloudDocument(members=DOCUMENTS["P-D01"])
    assert failed.region == "us-west-2"
    assert failed.end == "in the cloud it ended as Failed: AlgorithmError: , exit code: 1"
    running = CloudDocument(members={**DOCUMENTS["P-D03"], "ProcessingJobArn": "none"})
    assert (running.region, running.end) == (None, None)
