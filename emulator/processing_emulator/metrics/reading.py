"""What CloudWatch says of metrics: which there are, and their statistics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from processing_emulator.domain.metrics import MetricKey
from processing_emulator.domain.page_token import pack, unpack
from processing_emulator.errors import InvalidParameterCombination, InvalidParameterValue
from processing_emulator.metrics.periods import count_of, window_of
from processing_emulator.metrics.statistic import Point, points_of
from processing_emulator.ports import Clock, MetricQuery, MetricStore

LISTED = timedelta(days=14)
"""A metric is listed so long after it was measured for the last time."""

RECENT = timedelta(hours=3)
MOST_LISTED = 500
MOST_POINTS = 1440
"""In one answer of GetMetricStatistics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Metrics, and the token of the next page, if there is one."""

    metrics: Sequence[MetricKey]
    next_token: str | None


class MetricReading:
    """Lists metrics and computes their statistics."""

    def __init__(self, store: MetricStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def page(self, query: MetricQuery, token: str | None, *, recent: bool) -> ListPage:
        """One page of the metrics that were measured lately. Raises InvalidParameterValue for a token of others."""
        asked = [query.account, query.region, repr((query.namespace, query.name, query.dimensions, recent))]
        after = 0 if token is None else _opened(token, asked)
        since = self._clock.now() - (RECENT if recent else LISTED)
        page = self._store.list_metrics(replace(query, active_since_s=int(since.timestamp()), after=after))
        return ListPage(metrics=page.metrics, next_token=None if page.last is None else pack([*asked, page.last]))

    def statistics(
        self, key: MetricKey, names: Sequence[str], start: datetime, end: datetime, period_s: int
    ) -> Sequence[tuple[str, Point]]:
        """Each statistic of each period, with its name, in the order of time.

        Raises InvalidParameterValue, InvalidParameterCombination, Unsupported.
        """
        window = window_of(start, end, period_s, self._clock.now())
        if count_of(window) > MOST_POINTS:
            raise InvalidParameterCombination(
                f"You have requested up to {count_of(window):,} datapoints, which exceeds the limit of {MOST_POINTS:,}."
                " You may reduce the datapoints requested by increasing Period, or decreasing the time range."
            )
        found = [(name, point) for name in names for point in points_of(self._store, key, name, window)]
        return sorted(found, key=lambda each: (each[1].at_s, each[1].unit))


def _opened(token: str, asked: Sequence[str]) -> int:
    try:
        *of, last = unpack(token)
    except ValueError as error:
        raise _wrong_token() from error
    if of != asked or not isinstance(last, int):
        raise _wrong_token()
    return last


def _wrong_token() -> InvalidParameterValue:
    return InvalidParameterValue("The value for parameter NextToken is not valid.")
