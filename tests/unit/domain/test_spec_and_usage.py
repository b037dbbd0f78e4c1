"""The spec read from a request, image substitution, and usage figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.spec import (
    Compression,
    Distribution,
    InputMode,
    InstanceChoice,
    JobInput,
    S3Manifest,
    S3Prefix,
    UploadMode,
    normal_path,
    settled_request,
    spec_of,
)
from processing_emulator.domain.usage import GpuReading, cpu_percent, gpu_percents
from processing_emulator.errors import Unsupported
from tests.builders import a_request, an_input, an_output


def test_app_managed_inputs_and_outputs_are_not_staged() -> None:
    managed_in = {"InputName": "m", "AppManaged": True}
    managed_out = {"OutputName": "m", "AppManaged": True}
    spec = spec_of(a_request(inputs=[an_input(), managed_in], outputs=[managed_out, an_output()]))
    assert [i.name for i in spec.inputs] == ["in"]
    assert [o.name for o in spec.outputs] == ["out"]


@pytest.mark.parametrize(
    "input_",
    [
        {"DatasetDefinition": {"LocalPath": "/opt/ml/processing/d"}},
        {"S3Input": {"S3Uri": "s3://b/k", "S3DataType": "ManifestFile"}},
        {"S3Input": {"S3Uri": "https://b/k", "S3DataType": "S3Prefix"}},
    ],
)
def test_app_managed_inputs_and_outputs_of_any_kind_are_left_to_the_container(input_: dict[str, object]) -> None:
    managed_out = {"OutputName": "m", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}
    managed_in = {"InputName": "m", "AppManaged": True, **input_}
    spec = spec_of(a_request(inputs=[managed_in], outputs=[managed_out]))
    assert (spec.inputs, spec.outputs) == ((), ())


def test_inputs_and_outputs_have_their_modes() -> None:
    source = {"S3DataDistributionType": "ShardedByS3Key", "S3InputMode": "Pipe", "S3CompressionType": "Gzip"}
    given_input, given_output = an_input(), an_output()
    given_input["S3Input"] |= source
    given_output["S3Output"] |= {"S3UploadMode": "Continuous"}
    spec = spec_of(a_request(inputs=[given_input], outputs=[given_output]))
    assert spec.inputs == (
        JobInput(
            name="in",
            source=S3Prefix(uri=S3Uri("bkt", "in/")),
            local_path="/opt/ml/processing/input",
            distribution=Distribution.SHARDED_BY_S3_KEY,
            mode=InputMode.PIPE,
            compression=Compression.GZIP,
        ),
    )
    assert [output.upload_mode for output in spec.outputs] == [UploadMode.CONTINUOUS]


def test_modes_that_a_request_leaves_out_have_the_service_s_defaults() -> None:
    (found,) = spec_of(a_request(inputs=[an_input()])).inputs
    assert (found.distribution, found.mode, found.compression) == (
        Distribution.FULLY_REPLICATED,
        InputMode.FILE,
        Compression.NONE,
    )


@pytest.mark.parametrize(("data_type", "kind"), [("S3Prefix", S3Prefix), ("ManifestFile", S3Manifest)])
def test_an_input_is_read_from_what_its_data_type_says(data_type: str, kind: type[S3Prefix | S3Manifest]) -> None:
    given_input = an_input(uri="https://s3.amazonaws.com/bkt/k")
    given_input["S3Input"] |= {"S3DataType": data_type}
    (found,) = spec_of(a_request(inputs=[given_input])).inputs
    assert found.source == kind(uri=S3Uri("bkt", "k"))


def test_an_input_that_cannot_be_staged_is_refused_by_name() -> None:
    newer = {"InputName": "in", "S3Input": {"S3Uri": "s3://b/k", "S3DataType": "Newer"}}
    with pytest.raises(Unsupported, match="Input in: S3DataType Newer is not supported by the emulator"):
        spec_of(a_request(inputs=[newer]))


def test_defaults() -> None:
    request = a_request()
    del request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
    spec = spec_of(request)
    assert spec.choices == (InstanceChoice(instance_type="ml.t3.medium", count=1),)
    assert (spec.must_select, spec.max_runtime_seconds, spec.network_isolation) == (False, 86400, False)
    assert spec.entrypoint is None
    assert spec.arguments is None


@pytest.mark.parametrize("counts", [{"cluster": 2}, {"each": 2}])
def test_instance_preferences_keep_their_order(counts: dict[str, int]) -> None:
    own = {"InstanceCount": counts["each"]} if "each" in counts else {}
    cluster = {"VolumeSizeInGB": 1} | ({"InstanceCount": counts["cluster"]} if "cluster" in counts else {})
    preferences = [{"InstanceType": name, **own} for name in ("ml.g5.xlarge", "ml.m5.large")]
    request = a_request() | {"ProcessingResources": {"ClusterConfig": {**cluster, "InstancePreferences": preferences}}}

    spec = spec_of(request)

    assert [(choice.instance_type, choice.count) for choice in spec.choices] == [
        ("ml.g5.xlarge", 2),
        ("ml.m5.large", 2),
    ]
    assert spec.must_select
    settled = settled_request(request, spec.choices[1])
    assert settled["ProcessingResources"]["ClusterConfig"] == {
        "VolumeSizeInGB": 1,
        "InstanceType": "ml.m5.large",
        "InstanceCount": 2,
    }
    assert settled_request(request, None) == request


def test_local_path_ignores_a_trailing_slash() -> None:
    assert normal_path("/opt/ml/processing//input/code/") == "/opt/ml/processing/input/code"


@given(st.text("/a.", max_size=12))
def test_normal_path_drops_empty_parts(path: str) -> None:
    assert normal_path(path) == "/" + "/".join(part for part in path.split("/") if part)


def test_cpu_percent_is_100_per_core() -> None:
    assert cpu_percent(10.0, 18.0, 2.0) == 400.0
    assert cpu_percent(10.0, 9.0, 2.0) == 0.0
    assert cpu_percent(0.0, 1.0, 0.0) == 0.0


def test_gpu_figures_are_sums_over_gpus() -> None:
    def reading(gpu: str, busy: float, used: int, total: int) -> GpuReading:
        return GpuReading(gpu_id=gpu, utilization_percent=busy, memory_used_bytes=used, memory_total_bytes=total)

    assert gpu_percents(()) == (None, None)
    assert gpu_percents((reading("a", 90, 5, 10), reading("b", 30, 1, 4))) == (120, 75.0)
