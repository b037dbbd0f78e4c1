"""The other end of the wire: botocore's own model, serializer and parser."""

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer


@cache
def botocore_model(service: str = "sagemaker") -> Any:
    """botocore's own model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def serialized(operation: str, parameters: dict[str, Any]) -> bytes:
    """The body that botocore sends for these parameters."""
    request = create_serializer("json").serialize_to_request(parameters, botocore_model().operation_model(operation))
    body = request["body"]
    assert isinstance(body, bytes)
    return body


def parsed(operation: str, body: bytes, status: int = 200) -> dict[str, Any]:
    """What botocore's user gets for this reply, without ResponseMetadata."""
    model = botocore_model().operation_model(operation)
    response = {"status_code": status, "headers": {}, "body": body}
    result = create_parser("json").parse(response, model.output_shape)
    assert isinstance(result, dict)
    return {name: value for name, value in result.items() if name != "ResponseMetadata"}
