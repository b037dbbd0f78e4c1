"""The request of a job as code that sends it again: boto3, the AWS command line, and the SageMaker Python SDK."""

import json
import shlex
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from processing_emulator.domain.job import JobKey
from processing_emulator.domain.spec import JobInput, JobOutput, JobSpec, S3Manifest, spec_of
from processing_emulator.errors import Unsupported

_WIDTH = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One way to send the request."""

    title: str
    text: str


def code_of(key: JobKey, request: Mapping[str, Any]) -> list[Code]:
    """The request in every form. A job with the same name exists, so the code has to be given another one."""
    return [
        Code(title="JSON", text=json.dumps(request, indent=2, ensure_ascii=False)),
        Code(title="boto3", text=boto3_code(key, request)),
        Code(title="AWS CLI", text=cli_code(key, request)),
        Code(title="SageMaker SDK 2", text=sdk_code(request, _SDK_2)),
        Code(title="SageMaker SDK 3", text=sdk_code(request, _SDK_3)),
    ]


def boto3_code(key: JobKey, request: Mapping[str, Any]) -> str:
    """A Python program."""
    members = "".join(f"    {name}={_literal(value, 4)},\n" for name, value in request.items())
    return (
        "import boto3\n\n"
        f'sagemaker = boto3.client("sagemaker", region_name={key.region!r})\n'
        f"sagemaker.create_processing_job(\n{members})\n"
    )


def cli_code(key: JobKey, request: Mapping[str, Any]) -> str:
    """A command for a POSIX shell."""
    document = shlex.quote(json.dumps(request, indent=2, ensure_ascii=False))
    return f"aws sagemaker create-processing-job --region {shlex.quote(key.region)} --cli-input-json {document}\n"


def sdk_code(request: Mapping[str, Any], sdk: "_Sdk") -> str:
    """A Python program, as far as the Processor of this generation of the SDK has parameters for the request."""
    try:
        spec = spec_of(request)
    except Unsupported as error:
        return f"# This request has no equivalent here: {' '.join(str(error).split())}\n"
    return "".join(_sdk_lines(spec, request, sdk))


def _sdk_lines(spec: JobSpec, request: Mapping[str, Any], sdk: "_Sdk") -> Iterator[str]:
    choice = spec.choices[0]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    preferences = list(cluster.get("InstancePreferences", ()))
    yield f"from {sdk.package}.network import NetworkConfig\n" if spec.network_isolation else ""
    yield f"{sdk.imports}\n"
    if preferences and not sdk.knows_preferences:
        yield "# The SDK knows no InstancePreferences: this is the first of them.\n"
    yield _call(
        "processor = Processor",
        role=spec.role_arn,
        image_uri=spec.image_uri,
        entrypoint=None if spec.entrypoint is None else list(spec.entrypoint),
        **(
            {"instance_preferences": preferences, "instance_count": cluster.get("InstanceCount")}
            if preferences and sdk.knows_preferences
            else {"instance_type": choice.instance_type, "instance_count": choice.count}
        ),
        volume_size_in_gb=spec.volume_gib,
        max_runtime_in_seconds=spec.max_runtime_seconds,
        env=dict(spec.environment) or None,
        network_config=_Source("NetworkConfig(enable_network_isolation=True)") if spec.network_isolation else None,
    )
    yield _call(
        "processor.run",
        job_name=request["ProcessingJobName"],
        arguments=None if spec.arguments is None else list(spec.arguments),
        inputs=_list([sdk.input(each) for each in spec.inputs]),
        outputs=_list([sdk.output(each) for each in spec.outputs]),
    )


class _Source(str):
    """Python that stands for itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _input_2(each: JobInput) -> str:
    place = {"source": str(each.source.uri), "destination": each.local_path}
    return _one_line("ProcessingInput", input_name=each.name, **place, **_input_modes(each))


def _output_2(each: JobOutput) -> str:
    place = {"source": each.local_path, "destination": str(each.uri)}
    return _one_line("ProcessingOutput", output_name=each.name, **place, s3_upload_mode=each.upload_mode.value)


def _input_3(each: JobInput) -> str:
    place = {"s3_uri": str(each.source.uri), "local_path": each.local_path}
    s3_input = _one_line("ProcessingS3Input", **place, **_input_modes(each))
    return _one_line("ProcessingInput", input_name=each.name, s3_input=_Source(s3_input))


def _output_3(each: JobOutput) -> str:
    place = {"s3_uri": str(each.uri), "local_path": each.local_path}
    s3_output = _one_line("ProcessingS3Output", **place, s3_upload_mode=each.upload_mode.value)
    return _one_line("ProcessingOutput", output_name=each.name, s3_output=_Source(s3_output))


def _input_modes(each: JobInput) -> dict[str, str]:
    return {
        "s3_data_type": "ManifestFile" if isinstance(each.source, S3Manifest) else "S3Prefix",
        "s3_input_mode": each.mode.value,
        "s3_data_distribution_type": each.distribution.value,
        "s3_compression_type": each.compression.value,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sdk:
    """What differs between the generations of the SageMaker Python SDK."""

    package: str
    imports: str
    knows_preferences: bool
    input: Callable[[JobInput], str]
    output: Callable[[JobOutput], str]


_SDK_2 = _Sdk(
    package="sagemaker",
    imports="from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor\n",
    knows_preferences=False,
    input=_input_2,
    output=_output_2,
)
_SDK_3 = _Sdk(
    package="sagemaker.core",
    imports=(
        "from sagemaker.core.processing import Processor\n"
        "from sagemaker.core.shapes import (\n"
        "    ProcessingInput,\n    ProcessingOutput,\n    ProcessingS3Input,\n    ProcessingS3Output,\n)\n"
    ),
    knows_preferences=True,
    input=_input_3,
    output=_output_3,
)


def _list(calls: list[str]) -> _Source | None:
    if not calls:
        return None
    return _Source("[\n" + "".join(f"        {call},\n" for call in calls) + "    ]")


def _one_line(function: str, **arguments: str) -> str:
    return f"{function}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def _call(function: str, **arguments: object) -> str:
    given = {name: value for name, value in arguments.items() if value is not None}
    members = "".join(
        f"    {name}={value if isinstance(value, _Source) else _literal(value, 4)},\n" for name, value in given.items()
    )
    return f"{function}(\n{members})\n"


def _literal(value: object, indent: int) -> str:
    text = pformat(value, sort_dicts=False, width=_WIDTH)
    if isinstance(value, str):
        text = repr(value)
    return textwrap.indent(text, " " * indent).lstrip()
