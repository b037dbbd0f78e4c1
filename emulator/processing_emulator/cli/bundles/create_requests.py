"""CreateProcessingJob requests that come from a file: checked by the service's model, and led to other places."""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import click

from processing_emulator.cli.bundles.listings import QUERY_MEMBERS
from processing_emulator.domain.s3_uri import parse_s3_uri
from processing_emulator.errors import EmulatorError

Request = dict[str, Any]


def checked_request(document: object) -> Request:
    """A request with the members that the model knows, in their types. Raises ClickException."""
    from processing_emulator.aws.protocols.document_parser import compile_parser
    from processing_emulator.aws.protocols.model import load_service_model
    from processing_emulator.aws.protocols.validation import compile_validator

    shape = load_service_model("sagemaker").operations["CreateProcessingJob"].input
    if shape is None:
        raise click.ClickException("this botocore does not know CreateProcessingJob")
    try:
        request = compile_parser(shape)(document)
        if not isinstance(request, dict):
            raise click.ClickException("the request is not a JSON object")
        compile_validator(shape)(request)
    except EmulatorError as error:
        raise click.ClickException(f"the request is not valid: {error}") from error
    return request


def job_name_for(sagemaker: Any, wanted: str) -> str:
    """`wanted` if no job has that name, else one like it. Raises botocore's errors."""
    from botocore.exceptions import ClientError

    try:
        sagemaker.describe_processing_job(ProcessingJobName=wanted)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return wanted
        raise
    return f"{wanted[:50].rstrip('-')}-again-{secrets.token_hex(2)}"


def with_outputs_below(request: Request, name: str) -> Request:
    """The request with its outputs and the results of its queries below `replays/NAME/` in the same buckets."""

    def moved(structure: Request, member: str) -> Request:
        found = parse_s3_uri(structure[member])
        return {**structure, member: f"s3://{found.bucket}/replays/{name}/{found.key}"}

    def moved_query(definition: Request) -> Request:
        return {
            kind: moved(query, "OutputS3Uri") if kind in QUERY_MEMBERS else query for kind, query in definition.items()
        }

    changed = dict(request)
    if "ProcessingInputs" in request:
        changed["ProcessingInputs"] = [
            {**item, "DatasetDefinition": moved_query(item["DatasetDefinition"])}
            if "DatasetDefinition" in item
            else item
            for item in request["ProcessingInputs"]
        ]
    if "ProcessingOutputConfig" in request:
        outputs = [
            {**item, "S3Output": moved(item["S3Output"], "S3Uri")} if "S3Output" in item else item
            for item in request["ProcessingOutputConfig"]["Outputs"]
        ]
        changed["ProcessingOutputConfig"] = {**request["ProcessingOutputConfig"], "Outputs": outputs}
    return changed


def with_buckets(request: Request, buckets: Mapping[str, str]) -> tuple[Request, list[str]]:
    """The request with `s3://FROM` as `s3://TO` wherever it stands, in variables and arguments too; and where."""
    changed: list[str] = []
    if not buckets:
        return request, changed
    names = "|".join(sorted(map(re.escape, buckets), key=len, reverse=True))
    pattern = re.compile(rf"(s3[an]?://)({names})(?![a-z0-9.-])")

    def moved(text: str, path: str) -> str:
        found = pattern.sub(lambda match: match[1] + buckets[match[2]], text)
        if found != text:
            changed.append(path)
        return found

    return _mapped(request, moved, ""), changed


def _mapped(value: Any, change: Callable[[str, str], str], path: str) -> Any:
    if isinstance(value, str):
        return change(value, path)
    if isinstance(value, dict):
        return {name: _mapped(item, change, f"{path}.{name}".lstrip(".")) for name, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change, f"{path}[{index}]") for index, item in enumerate(value)]
    return value
