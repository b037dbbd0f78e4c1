"""Rules between the members of a CreateProcessingJob request (spec 1.2, 1.3, 8)."""

from typing import Any

import pytest

from processing_emulator.errors import Unsupported, ValidationFailed
from processing_emulator.jobs.rules import check_create
from tests.builders import a_request, an_input, an_output

ROOT = "/opt/ml/processing/"


def changed(item: dict[str, Any], **members: Any) -> dict[str, Any]:
    """An input or output whose S3Input or S3Output has other members; None leaves one out."""
    inner = next(name for name in item if name.startswith("S3"))
    merged = {**item[inner], **members}
    return {**item, inner: {name: value for name, value in merged.items() if value is not None}}


def with_cluster(**members: Any) -> dict[str, Any]:
    """A request whose ClusterConfig has other members; None leaves one out."""
    request = a_request()
    cluster = {**request["ProcessingResources"]["ClusterConfig"], **members}
    request["ProcessingResources"] = {
        "ClusterConfig": {name: value for name, value in cluster.items() if value is not None}
    }
    return request


def refusal_of(request: dict[str, Any]) -> str:
    """The text with which the service refuses it."""
    with pytest.raises(ValidationFailed) as refusal:
        check_create(request)
    return str(refusal.value)


def gap_of(request: dict[str, Any]) -> str:
    """The text with which the emulator alone refuses it."""
    with pytest.raises(Unsupported) as refusal:
        check_create(request)
    assert "see docs/reference/operations.md" in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    "request_",
    [
        a_request(),
        a_request(inputs=[an_input()], outputs=[an_output()], entrypoint=["a"], arguments=["b"]),
        a_request(inputs=[], outputs=[]),
        a_request(inputs=[an_input(path=ROOT + "a/")], outputs=[an_output(path=ROOT + "b//c")]),
        a_request(inputs=[an_input("a", path=ROOT + "i"), an_input("b", path=ROOT + "i/code")]),
        a_request(inputs=[an_input(path=ROOT + "i")], outputs=[an_output(path=ROOT + "i/out")]),
        a_request(inputs=[changed(an_input(), S3DataDistributionType="ShardedByS3Key", S3CompressionType="None")]),
        a_request(inputs=[changed({**an_input(), "AppManaged": True}, LocalPath=None, S3InputMode=None)]),
        a_request(outputs=[changed({**an_output(), "AppManaged": True}, LocalPath=None)]),
        a_request(inputs=[{"InputName": "d", "AppManaged": True, "DatasetDefinition": {"LocalPath": ROOT + "d"}}]),
        a_request(inputs=[changed({**an_input(), "AppManaged": True}, S3DataType="ManifestFile", S3InputMode="Pipe")]),
        a_request(outputs=[changed({**an_output(), "AppManaged": True}, S3UploadMode="Continuous")]),
        a_request(outputs=[changed(an_output(), S3UploadMode="Continuous")]),
        a_request(
            outputs=[{"OutputName": "f", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}],
        ),
        a_request(inputs=[changed(an_input(uri="s3://bkt/m.json"), S3DataType="ManifestFile")]),
        a_request(inputs=[an_input(uri="https://s3.eu-west-1.amazonaws.com/b/k")]),
        a_request(outputs=[an_output(uri="https://b.s3.eu-west-1.amazonaws.com/k")]),
        a_request(outputs=[an_output("a"), an_output("b", uri="s3://bkt/twice")]),
        a_request(Environment={"A": "", "InstancePreferences": "x"}, StoppingCondition={"MaxRuntimeInSeconds": 1}),
        a_request(NetworkConfig={"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True}),
        a_request(NetworkConfig={"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}),
        a_request(ExperimentConfig={"ExperimentName": "e", "TrialName": "t", "RunName": "r"}),
        a_request(Tags=[{"Key": "a", "Value": "b"}]),
        a_request(Environment={"A": "\\u0000"}),
        with_cluster(VolumeKmsKeyId="k", InstanceCount=None),
    ],
)
def test_what_the_emulator_serves_is_accepted(request_: dict[str, Any]) -> None:
    check_create(request_)


@pytest.mark.parametrize("missing", ["LocalPath", "S3InputMode"])
def test_managed_input_needs_local_path_and_mode(missing: str) -> None:
    assert refusal_of(a_request(inputs=[changed(an_input("raw"), **{missing: None})])) == (
        "Input raw missing one or more required fields for SageMaker-managed S3Input: "
        '"LocalPath", "S3DownloadMode", "S3InputMode"'
    )


def test_managed_output_needs_local_path() -> None:
    assert "Output out" in (text := refusal_of(a_request(outputs=[changed(an_output(), LocalPath=None)])))
    assert '"LocalPath"' in text


@pytest.mark.parametrize(
    "path",
    [
        "/opt/ml/processing",
        "/opt/ml/processing/",
        "/opt/ml/processing///",
        "/opt/ml/processingx/a",
        "/opt/ml/input",
        "opt/ml/processing/a",
        "//opt/ml/processing/a",
        "/",
        "relative",
        "/opt/ml/processing/../config",
        "/opt/ml/processing/a/../../../etc",
        "/opt/ml/processing/./a",
        "/opt/ml/processing/a/.",
        "/opt/ml/processing/" + "é" * 128,
    ],
)
def test_local_path_outside_the_processing_root_is_refused_by_field(path: str) -> None:
    for request in (a_request(inputs=[an_input(path=path)]), a_request(outputs=[an_output(path=path)])):
        assert "LocalPath" in refusal_of(request)


@pytest.mark.parametrize("path", ["/opt/ml/processing/...", "/opt/ml/processing/a..b", "/opt/ml/processing/.hidden"])
def test_local_path_with_dots_that_lead_nowhere_is_accepted(path: str) -> None:
    check_create(a_request(inputs=[an_input(path=path)]))


@pytest.mark.parametrize("second", [ROOT + "i", ROOT + "i/", ROOT + "/i"])
def test_two_inputs_with_one_local_path_are_refused(second: str) -> None:
    text = refusal_of(a_request(inputs=[an_input("a", path=ROOT + "i"), an_input("b", path=second)]))

    assert text == f"Inputs a and b have the same LocalPath {ROOT}i"


def test_input_and_output_with_one_local_path_are_refused() -> None:
    text = refusal_of(a_request(inputs=[an_input(path=ROOT + "x")], outputs=[an_output(path=ROOT + "x/")]))

    assert text == f"Input in and output out have the same LocalPath {ROOT}x"


def test_app_managed_items_may_share_a_local_path() -> None:
    managed = {**an_input("b", path=ROOT + "i"), "AppManaged": True}

    check_create(a_request(inputs=[an_input("a", path=ROOT + "i"), managed]))


def test_repeated_names_are_refused_by_field() -> None:
    inputs = [an_input("a", path=ROOT + "i"), an_input("a", path=ROOT + "j")]
    outputs = [an_output("o", path=ROOT + "p"), an_output("o", path=ROOT + "q")]

    assert "InputName a" in refusal_of(a_request(inputs=inputs))
    assert "OutputName o" in refusal_of(a_request(outputs=outputs))


@pytest.mark.parametrize("keys", [("k", "k"), ("aws:k",), ("AWS:k",)])
def test_tags_with_keys_that_repeat_or_are_reserved_are_refused(keys: tuple[str, ...]) -> None:
    assert f"Tag key {keys[0]}" in refusal_of(a_request(Tags=[{"Key": key, "Value": ""} for key in keys]))


def test_the_first_tag_that_is_wrong_is_told() -> None:
    reserved, repeated = {"Key": "aws:k", "Value": ""}, {"Key": "k", "Value": ""}

    assert "Tag key aws:k is invalid" in refusal_of(a_request(Tags=[reserved, repeated, repeated]))
    assert "Tag key k is not unique" in refusal_of(a_request(Tags=[repeated, reserved, repeated]))


def test_the_first_name_that_repeats_is_told() -> None:
    inputs = [an_input(name, path=f"{ROOT}{index}") for index, name in enumerate("abcba")]

    assert "InputName a" in refusal_of(a_request(inputs=inputs))


def test_input_must_have_exactly_one_source() -> None:
    neither = {"InputName": "i"}
    both = {**an_input("i"), "DatasetDefinition": {}}

    for item in (neither, both):
        assert "exactly one of S3Input and DatasetDefinition" in refusal_of(a_request(inputs=[item]))


def test_output_must_have_exactly_one_target() -> None:
    feature_store = {"FeatureStoreOutput": {"FeatureGroupName": "g"}}

    for item in ({"OutputName": "o"}, {**an_output("o"), **feature_store}):
        assert "exactly one of S3Output and FeatureStoreOutput" in refusal_of(a_request(outputs=[item]))
    assert "AppManaged" in refusal_of(a_request(outputs=[{"OutputName": "o", **feature_store}]))


def test_gzip_without_pipe_is_refused_as_the_service_does() -> None:
    text = refusal_of(a_request(inputs=[changed(an_input(), S3CompressionType="Gzip")]))

    assert "Gzip can only be used with S3InputMode Pipe" in text


@pytest.mark.parametrize("image", ["", " ", "a b", "a\nb", "a\tb"])
def test_image_that_can_be_no_reference_gets_the_service_s_text(image: str) -> None:
    assert refusal_of(a_request(image=image)) == (
        f"Invalid image URI {image}. Please provide a valid Amazon Elastic Container Registry path of the Docker "
        "image to run."
    )


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (a_request(Environment={"A": "x\0"}), "Environment.A"),
        (a_request(entrypoint=["sh", "x\0y"]), "AppSpecification.ContainerEntrypoint[1]"),
        (a_request(arguments=["\0"]), "AppSpecification.ContainerArguments[0]"),
        (a_request(image="a\0"), "AppSpecification.ImageUri"),
        (a_request(inputs=[an_input(path=ROOT + "a\0")]), "ProcessingInputs[0].S3Input.LocalPath"),
        (a_request(outputs=[an_output(uri="s3://b/\0")]), "ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"),
    ],
)
def test_nul_is_refused_by_field(request_: dict[str, Any], field: str) -> None:
    assert refusal_of(request_) == f"{field} must not contain a NUL character"


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (
            a_request(inputs=[an_input(uri="https://example.com/b/k")]),
            "ProcessingInputs[0].S3Input.S3Uri https://example.com/b/k",
        ),
        (
            a_request(outputs=[an_output(uri="https://b/k")]),
            "ProcessingOutputConfig.Outputs[0].S3Output.S3Uri https://b/k",
        ),
        (a_request(SomethingNew={"A": 1}), "SomethingNew"),
        (a_request(NetworkConfig={"SomethingNew": 1}), "NetworkConfig.SomethingNew"),
    ],
)
def test_what_the_emulator_does_not_do_yet_is_refused_by_name(request_: dict[str, Any], named: str) -> None:
    assert gap_of(request_).startswith(f"{named} is not supported by the emulator (")


def test_the_service_s_own_refusal_comes_before_the_emulator_s() -> None:
    assert "LocalPath" in refusal_of(a_request(inputs=[changed(an_input(path="/etc", uri="https://example.com/b"))]))
