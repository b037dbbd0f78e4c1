"""Metrics as the members of requests and replies name them."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.domain.metric_data import dimensions_of
from processing_emulator.domain.metrics import MetricKey
from processing_emulator.errors import MissingParameter


def metric_named(context: RequestContext, namespace: str | None, metric: Mapping[str, Any]) -> MetricKey:
    """The metric of a request. Raises MissingParameter, InvalidParameterValue."""
    name = metric.get("MetricName")
    if namespace is None or name is None:
        raise MissingParameter(f"The parameter {'Namespace' if namespace is None else 'MetricName'} is required.")
    return MetricKey(context.account, context.region, namespace, name, dimensions_of(metric.get("Dimensions", ())))


def metric_member(key: MetricKey) -> Mapping[str, object]:
    """A metric in a reply."""
    dimensions = [{"Name": name, "Value": value} for name, value in key.dimensions]
    return {"Namespace": key.namespace, "MetricName": key.name, "Dimensions": dimensions}
