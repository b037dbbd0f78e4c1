"""The models of the services spoken here, read once from botocore's data and cut down to what is served.

Owns the shapes; knows nothing of parsing or of jobs. The full models (SageMaker's has 3,000 shapes) are dropped after
loading.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import botocore

from processing_emulator.errors import InternalBug

SERVED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sagemaker": (
            "CreateProcessingJob",
            "DescribeProcessingJob",
            "ListProcessingJobs",
            "StopProcessingJob",
            "DeleteProcessingJob",
            "AddTags",
            "ListTags",
            "DeleteTags",
        ),
        "cloudwatch": (
            "ListMetrics",
            "GetMetricStatistics",
            "GetMetricData",
            "PutMetricData",
            "PutMetricAlarm",
            "DescribeAlarms",
            "DeleteAlarms",
            "ListTagsForResource",
            "TagResource",
            "UntagResource",
        ),
        "events": (
            "PutRule",
            "DescribeRule",
            "ListRules",
            "EnableRule",
            "DisableRule",
            "DeleteRule",
            "TestEventPattern",
            "PutTargets",
            "ListTargetsByRule",
            "RemoveTargets",
            "TagResource",
            "UntagResource",
            "ListTagsForResource",
        ),
        "sts": ("GetCallerIdentity", "AssumeRole"),
        "iam": ("GetRole",),
        "ecr": ("GetAuthorizationToken",),
        "logs": (
            "CreateLogGroup",
            "CreateLogStream",
            "DeleteLogGroup",
            "DeleteLogStream",
            "DeleteRetentionPolicy",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "DescribeQueries",
            "FilterLogEvents",
            "GetLogEvents",
            "GetQueryResults",
            "ListTagsForResource",
            "ListTagsLogGroup",
            "PutLogEvents",
            "PutRetentionPolicy",
            "StartLiveTail",
            "StartQuery",
            "StopQuery",
            "TagLogGroup",
            "TagResource",
            "UntagLogGroup",
            "UntagResource",
        ),
    }
)
"""By service, as botocore calls it: the operations whose shapes are kept; of all others only the names."""


class Kind(StrEnum):
    """The model's types that processing jobs use."""

    STRUCTURE = "structure"
    LIST = "list"
    MAP = "map"
    STRING = "string"
    INTEGER = "integer"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape with its constraints and children. `element` is a list's member or a map's value.

    `minimum` and `maximum` bound the length of strings (code points), lists and maps (entries), and the value of
    numbers. `enum` is empty where any value goes.
    """

    name: str
    kind: Kind
    members: Mapping[str, "Shape"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    element: "Shape | None" = None
    key: "Shape | None" = None
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationModel:
    """What the model says of one operation. `output` is None where the service answers with an empty body.

    `result_wrapper` and `xml_namespace` are of replies of the query protocol; empty in the others.
    """

    name: str
    input: Shape
    output: Shape | None
    errors: tuple[str, ...]
    result_wrapper: str = ""
    xml_namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceModel:
    """The part of a service that the emulator speaks, and the names of all its operations.

    `name` is botocore's, `service_id` the one people use. `target_prefix` is what X-Amz-Target begins with, empty for
    services without a JSON protocol. `version` is the API's date.
    """

    name: str
    service_id: str = ""
    signing_name: str = ""
    version: str = ""
    target_prefix: str = ""
    operations: Mapping[str, OperationModel]
    operation_names: frozenset[str]


def load_service_model(service: str) -> ServiceModel:
    """Read one service's model from the installed botocore; 0.05 s for the largest, so call it once.

    Only botocore's own data is read: a model in the user's `~/.aws/models` would change what the server accepts.
    """
    document = _read(service)
    metadata, builder = document["metadata"], _Builder(document)
    return ServiceModel(
        name=service,
        service_id=metadata["serviceId"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        version=metadata["apiVersion"],
        target_prefix=metadata.get("targetPrefix", ""),
        operations=MappingProxyType(
            {name: builder.operation(document["operations"][name]) for name in SERVED[service]}
        ),
        operation_names=frozenset(document["operations"]),
    )


def _read(service: str) -> dict[str, Any]:
    """The newest model in botocore's folder. `botocore.model` takes 0.2 s to import, more than reading all of these."""
    versions = Path(botocore.__file__).parent / "data" / service
    newest = max(versions.glob("*/service-2.json.gz"), default=None)
    if newest is None:
        raise InternalBug(f"the installed botocore has no model of {service} in {versions}")
    document: dict[str, Any] = json.loads(gzip.decompress(newest.read_bytes()))
    return document


class _Builder:
    """Turns the model's JSON into shapes, each built once and shared."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._shapes = document["shapes"]
        self._xml_namespace = document["metadata"].get("xmlNamespace", "")
        self._built: dict[str, Shape] = {}
        self._open: set[str] = set()

    def operation(self, document: Mapping[str, Any]) -> OperationModel:
        output = document.get("output")
        return OperationModel(
            name=document["name"],
            input=self.shape(document["input"]["shape"]),
            output=self.shape(output["shape"]) if output else None,
            errors=tuple(error["shape"] for error in document.get("errors", ())),
            result_wrapper=(output or {}).get("resultWrapper", ""),
            xml_namespace=self._xml_namespace,
        )

    def shape(self, name: str) -> Shape:
        if name not in self._built:
            if name in self._open:
                raise InternalBug(f"shape {name} contains itself; the walkers of this package would not end")
            self._open.add(name)
            self._built[name] = self._build(name, self._shapes[name])
        return self._built[name]

    def _build(self, name: str, document: Mapping[str, Any]) -> Shape:
        members = {member: self.shape(ref["shape"]) for member, ref in document.get("members", {}).items()}
        element = document.get("member") or document.get("value")
        key = document.get("key")
        return Shape(
            name=name,
            kind=Kind(document["type"]),
            members=MappingProxyType(members),
            required=frozenset(document.get("required", ())),
            element=self.shape(element["shape"]) if element else None,
            key=self.shape(key["shape"]) if key else None,
            minimum=document.get("min"),
            maximum=document.get("max"),
            pattern=document.get("pattern"),
            enum=tuple(document.get("enum", ())),
        )
