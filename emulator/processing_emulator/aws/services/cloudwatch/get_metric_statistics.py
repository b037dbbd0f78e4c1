"""GetMetricStatistics."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.cloudwatch.members import metric_named
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter
from processing_emulator.metrics.reading import MetricReading
from processing_emulator.metrics.statistic import SIMPLE, percentile_of


def get_metric_statistics(reading: MetricReading) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = metric_named(context, request["Namespace"], request)
        found = reading.statistics(
            key, _statistics(request), request["StartTime"], request["EndTime"], request["Period"]
        )
        datapoints: dict[tuple[int, str], dict[str, Any]] = {}
        for name, point in found:
            if request.get("Unit", point.unit) != point.unit:
                continue
            datapoint = datapoints.setdefault((point.at_s, point.unit), _datapoint(point.at_s, point.unit))
            if name in SIMPLE:
                datapoint[name] = point.value
            else:
                datapoint.setdefault("ExtendedStatistics", {})[name] = point.value
        return {"Label": key.name, "Datapoints": list(datapoints.values())}

    return handle


def _datapoint(at_s: int, unit: str) -> dict[str, Any]:
    return {"Timestamp": datetime.fromtimestamp(at_s, UTC), "Unit": unit}


def _statistics(request: Mapping[str, Any]) -> list[str]:
    simple, extended = request.get("Statistics"), request.get("ExtendedStatistics")
    if not simple and not extended:
        raise MissingParameter("The request must have Statistics or ExtendedStatistics.")
    if simple and extended:
        raise InvalidParameterCombination("Statistics and ExtendedStatistics cannot be in one request.")
    for name in extended or ():
        if percentile_of(name) is None:
            raise InvalidParameterValue(f"The value {name} for parameter ExtendedStatistics is not a percentile.")
    return list(simple or extended or ())
