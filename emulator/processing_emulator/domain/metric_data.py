"""What clients and containers put into CloudWatch: the rules between the members of a datum that no model states.

Besides `aws/` and `domain.spec`, this module knows AWS's member names: PutMetricData and the files that containers
leave for Model Monitor have them in common.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from processing_emulator.domain.metrics import MINUTE, Datum, MetricKey, Statistics, Weighted, statistics_of
from processing_emulator.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter

OLDEST, NEWEST = timedelta(days=14), timedelta(hours=2)
"""How far a datum may lie in the past, and in the future."""

MOST_VALUES = 150
_LARGEST = 2.0**360
_GIVEN = ("Value", "Values", "StatisticValues")


class Namespace(NamedTuple):
    """Where data are put."""

    account: str
    region: str
    name: str


def dimensions_of(members: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    """The dimensions in the order of their names. Raises InvalidParameterValue when a name comes twice."""
    pairs = tuple(sorted((each["Name"], each["Value"]) for each in members))
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidParameterValue("The parameter Dimensions has a dimension name more than once.")
    if any("\0" in text for pair in pairs for text in pair):
        raise InvalidParameterValue("The parameter Dimensions has a control character.")
    return pairs


def datum_from(member: Mapping[str, Any], place: str, namespace: Namespace, now: datetime) -> Datum:
    """A MetricDatum, whose members have the model's types; `place` is what errors call it.

    Raises MissingParameter, InvalidParameterValue, InvalidParameterCombination.
    """
    if "\0" in member["MetricName"]:
        raise InvalidParameterValue(f"The value for parameter {place}.MetricName has a control character.")
    key = MetricKey(*namespace[:2], namespace.name, member["MetricName"], dimensions_of(member.get("Dimensions", ())))
    statistics, values = _figures(member, place)
    return Datum(
        key=key,
        at_s=_second(member, place, now),
        unit=member.get("Unit", "None"),
        statistics=statistics,
        values=values,
    )


def _figures(member: Mapping[str, Any], place: str) -> tuple[Statistics, tuple[Weighted, ...] | None]:
    given = [name for name in _GIVEN if name in member]
    if not given:
        raise MissingParameter(f"At least one of the parameters {place}.Value, Values or StatisticValues is required.")
    if len(given) > 1:
        raise InvalidParameterCombination(
            f"The parameters {place}.{given[0]} and {place}.{given[1]} are mutually exclusive"
            " and you have specified both."
        )
    if "StatisticValues" in member:
        return _statistic_values(member["StatisticValues"], f"{place}.StatisticValues"), None
    values = (
        [Weighted(_number(member["Value"], f"{place}.Value"), 1.0)] if "Value" in member else _values(member, place)
    )
    return statistics_of(values), tuple(values)


def _values(member: Mapping[str, Any], place: str) -> list[Weighted]:
    values = member["Values"]
    counts = member.get("Counts", [1.0] * len(values))
    if not 0 < len(values) <= MOST_VALUES:
        raise InvalidParameterValue(f"The collection {place}.Values must have a size between 1 and {MOST_VALUES}.")
    if len(counts) != len(values):
        raise InvalidParameterValue(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    weighted = [
        Weighted(_number(value, f"{place}.Values.member.{n}"), _number(count, f"{place}.Counts.member.{n}"))
        for n, (value, count) in enumerate(zip(values, counts, strict=True), 1)
    ]
    if any(each.weight <= 0 for each in weighted):
        raise InvalidParameterValue(f"The values for parameter {place}.Counts must be greater than 0.")
    return weighted


def _statistic_values(member: Mapping[str, float], place: str) -> Statistics:
    found = Statistics(
        *(_number(member[name], f"{place}.{name}") for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
    )
    if found.samples <= 0:
        raise InvalidParameterValue(f"The value for parameter {place}.SampleCount must be greater than 0.")
    if found.minimum > found.maximum:
        raise InvalidParameterValue(f"The value for parameter {place}.Minimum must not be greater than Maximum.")
    return found


def _number(value: float, place: str) -> float:
    if math.isnan(value) or abs(value) > _LARGEST:
        raise InvalidParameterValue(f"The value {value} for parameter {place} is invalid.")
    return float(value)


def _second(member: Mapping[str, Any], place: str, now: datetime) -> int:
    """The second of the datum, or the first of its minute where it is not kept finer."""
    resolution: int = member.get("StorageResolution", MINUTE)
    if resolution not in (1, MINUTE):
        raise InvalidParameterValue(f"The value {resolution} for parameter {place}.StorageResolution must be 1 or 60.")
    at: datetime = member.get("Timestamp", now)
    if at > now + NEWEST:
        raise InvalidParameterValue(
            f"The parameter {place}.Timestamp must specify a time no more than two hours in the future."
        )
    if at < now - OLDEST:
        raise InvalidParameterValue(f"The parameter {place}.Timestamp must specify a time within the past two weeks.")
    return int(at.timestamp()) // resolution * resolution
