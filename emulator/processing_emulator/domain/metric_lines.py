"""Metrics that containers leave as JSON lines in `/opt/ml/output/metrics/cloudwatch`, as those of Model Monitor do.

A line is a MetricDatum of PutMetricData, with its time as text; the namespace follows from its dimensions
(AWS: "CloudWatch Metrics for Bring Your Own Containers").
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from processing_emulator.domain.metric_data import Namespace, datum_from
from processing_emulator.domain.metrics import Datum
from processing_emulator.errors import RequestError

METRICS_FOLDER: Final = "output/metrics/cloudwatch"
"""Below `/opt/ml`."""

_SWITCH, _ON = "publish_cloudwatch_metrics", "Enabled"
_ENDPOINTS = "/aws/sagemaker/Endpoint/data-metrics"
_OTHERS = "/aws/sagemaker/ModelMonitoring/data-metrics"


def leaves_metrics(environment: Mapping[str, str]) -> bool:
    """Whether the service reads the folder: the Environment of the job says so."""
    return environment.get(_SWITCH) == _ON


def data_of_lines(text: bytes, account: str, region: str, now: datetime) -> Iterator[Datum | str]:
    """The data of a file; for a line that is none, a sentence that says why. Empty lines are left out."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            member = _member(json.loads(line))
            names = {each["Name"] for each in member.get("Dimensions", ())}
            namespace = Namespace(account, region, _ENDPOINTS if "Endpoint" in names else _OTHERS)
            yield datum_from(member, "MetricDatum", namespace, now)
        except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError, RequestError) as error:
            yield f"line {number}: {type(error).__name__}: {error}"


def _member(document: object) -> Mapping[str, Any]:
    """The members, of the types that the model states. Raises ValueError, TypeError, KeyError."""
    if not isinstance(document, dict):
        raise TypeError("it is not a JSON object")
    member: dict[str, Any] = {"MetricName": _text(document["MetricName"])}
    if document.get("Timestamp") is not None:
        member["Timestamp"] = _moment(document["Timestamp"])
    if document.get("Dimensions"):
        member["Dimensions"] = [
            {"Name": _text(each["Name"]), "Value": _text(each["Value"])} for each in document["Dimensions"]
        ]
    if document.get("Unit") is not None:
        member["Unit"] = _text(document["Unit"])
    for name in ("Value", "StatisticValues"):
        if document.get(name) is not None:
            member[name] = _figures(document[name])
    return member


def _figures(value: object) -> object:
    if isinstance(value, dict):
        return {str(name): float(each) for name, each in value.items()}
    if isinstance(value, int | float):
        return float(value)
    raise TypeError("a value is not a number")


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1024:  # as the longest in the model
        raise TypeError("a name is not a text of 1 to 1024 characters")
    value.encode()
    return value


def _moment(value: object) -> datetime:
    moment = (
        datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else datetime.fromisoformat(_text(value))
    )
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
