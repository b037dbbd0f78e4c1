"""A MetricStore in memory, forgotten together with the jobs of a MemoryJobStore."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

from processing_emulator.domain.metrics import MINUTE, Datum, MetricKey, Statistics, Weighted
from processing_emulator.ports import Bucket, MetricPage, MetricQuery, ValueBucket, Window
from tests.fakes.job_store import MemoryJobStore

Minutes = defaultdict[MetricKey, dict[tuple[int, str], Statistics]]


class MemoryMetricStore:
    """Implements `ports.MetricStore`."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._numbers = count(1)
        self._ids: dict[MetricKey, int] = {}
        self._seconds: defaultdict[MetricKey, list[Datum]] = defaultdict(list)
        self._minutes: Minutes = defaultdict(dict)
        for owned in (self._ids, self._seconds, self._minutes):
            jobs.own(owned)

    def put(self, data: Sequence[Datum]) -> None:
        """See the port."""
        with self._jobs.transaction():
            for datum in data:
                if datum.key not in self._ids:
                    self._ids[datum.key] = next(self._numbers)
                self._seconds[datum.key].append(datum)
                self._add_to_minute(datum)

    def _add_to_minute(self, datum: Datum) -> None:
        minutes, place = self._minutes[datum.key], (datum.at_s // MINUTE * MINUTE, datum.unit)
        minutes[place] = minutes[place].merged(datum.statistics) if place in minutes else datum.statistics

    def list_metrics(self, query: MetricQuery) -> MetricPage:
        """See the port."""
        with self._jobs.transaction():
            fitting = [
                (number, key) for key, number in self._ids.items() if number > query.after and self._fits(key, query)
            ]
        page = fitting[: query.limit]
        last = page[-1][0] if len(fitting) > len(page) else None
        return MetricPage(metrics=tuple(key for _, key in page), last=last)

    def _fits(self, key: MetricKey, query: MetricQuery) -> bool:
        names = dict(key.dimensions)
        return (
            (key.account, key.region) == (query.account, query.region)
            and query.namespace in (None, key.namespace)
            and query.name in (None, key.name)
            and all(name in names and value in (None, names[name]) for name, value in query.dimensions)
            and (query.active_since_s is None or self._last_minute(key) >= query.active_since_s // MINUTE * MINUTE)
        )

    def _last_minute(self, key: MetricKey) -> int:
        return max((at_s for at_s, _ in self._minutes[key]), default=0)

    def read(self, key: MetricKey, window: Window) -> Sequence[Bucket]:
        """See the port."""
        with self._jobs.transaction():
            if window.period_s < MINUTE:
                found = [(datum.at_s, datum.unit, datum.statistics) for datum in self._seconds.get(key, ())]
            else:
                found = [(at_s, unit, each) for (at_s, unit), each in self._minutes.get(key, {}).items()]
        buckets: dict[tuple[int, str], Statistics] = {}
        for at_s, unit, statistics in found:
            if window.since_s <= at_s < window.until_s:
                place = (_period(at_s, window), unit)
                buckets[place] = buckets[place].merged(statistics) if place in buckets else statistics
        return [Bucket(at_s, unit, statistics) for (at_s, unit), statistics in sorted(buckets.items())]

    def read_values(self, key: MetricKey, window: Window) -> Sequence[ValueBucket]:
        """See the port."""
        with self._jobs.transaction():
            data = list(self._seconds.get(key, ()))
        buckets: defaultdict[tuple[int, str], list[Weighted]] = defaultdict(list)
        for datum in data:
            if window.since_s <= datum.at_s < window.until_s:
                buckets[_period(datum.at_s, window), datum.unit] += _values_of(datum)
        return [
            ValueBucket(at_s, unit, sum(each.weight for each in values), tuple(values))
            for (at_s, unit), values in sorted(buckets.items())
        ]

    def forget_seconds(self, before_s: int, limit: int) -> int:
        """See the port."""
        with self._jobs.transaction():
            old = [(data, each) for data in self._seconds.values() for each in data if each.at_s < before_s][:limit]
            for data, datum in old:
                data.remove(datum)
            return len(old)

    def first_minute_s(self) -> int | None:
        """See the port."""
        with self._jobs.transaction():
            return min((at_s for minutes in self._minutes.values() for at_s, _ in minutes), default=None)

    def forget_minutes(self, before_s: int, limit: int) -> int:
        """See the port."""
        before_s = before_s // MINUTE * MINUTE
        with self._jobs.transaction():
            removed = self.forget_seconds(before_s, limit)
            old = [(minutes, place) for minutes in self._minutes.values() for place in minutes if place[0] < before_s]
            for minutes, place in old[: limit - removed]:
                del minutes[place]
            removed += len(old[: limit - removed])
            empty = [key for key in self._ids if not self._minutes[key]][: limit - removed]
            for key in empty:
                del self._ids[key]
            return removed + len(empty)


def _period(at_s: int, window: Window) -> int:
    return at_s - (at_s - window.since_s) % window.period_s


def _values_of(datum: Datum) -> Sequence[Weighted]:
    if datum.values is not None:
        return datum.values
    same = datum.statistics.minimum == datum.statistics.maximum
    return [Weighted(datum.statistics.minimum, datum.statistics.samples)] if same else []
