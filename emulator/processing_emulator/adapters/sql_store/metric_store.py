"""MetricStore on SQL: a row for each datum, and one for each minute, which is summed up in the same transaction.

So a crash can neither lose a minute nor count it twice.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.metric_tables import (
    metric_dimensions,
    metric_minutes,
    metric_seconds,
    metrics,
)
from processing_emulator.adapters.sql_store.rows import is_storable
from processing_emulator.domain.metrics import MINUTE, Datum, MetricKey, Statistics, Weighted
from processing_emulator.ports.metrics import Bucket, MetricPage, MetricQuery, ValueBucket, Window

_NAMES = (metrics.c.account, metrics.c.region, metrics.c.namespace, metrics.c.name, metrics.c.dimensions)
_FIGURES = ("samples", "total", "minimum", "maximum")
_MINUTE_KEY = (metric_minutes.c.metric_id, metric_minutes.c.at_s, metric_minutes.c.unit)
_BY_KEY = tuple(column == bindparam(f"key_{column.name}") for column in _MINUTE_KEY)
_SET_MINUTE = update(metric_minutes).where(*_BY_KEY).values({name: bindparam(f"new_{name}") for name in _FIGURES})
_FIND_METRICS: Select[Any] = select(metrics.c.id, *_NAMES).where(tuple_(*_NAMES).in_(bindparam("keys", expanding=True)))
_FIND_MINUTES = select(metric_minutes).where(tuple_(*_MINUTE_KEY).in_(bindparam("keys", expanding=True)))
_ADD_SECONDS, _ADD_MINUTES = insert(metric_seconds), insert(metric_minutes)
_TOUCH = (
    update(metrics)
    .where(metrics.c.id == bindparam("metric_id"), metrics.c.last_minute_s < bindparam("minute_s"))
    .values(last_minute_s=bindparam("minute_s"))
)


class _MinuteKey(NamedTuple):
    metric_id: int
    at_s: int
    unit: str


class SqlMetricStore:
    """Implements `ports.MetricStore`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, data: Sequence[Datum]) -> None:
        """Store all of it or nothing."""
        if not data:
            return
        with self._database.writing() as connection:
            ids = _ids_of(connection, {datum.key: datum for datum in data})
            connection.execute(_ADD_SECONDS, [_second_row(ids[datum.key], datum) for datum in data])
            _add_to_minutes(connection, [(ids[datum.key], datum) for datum in data])

    def list_metrics(self, query: MetricQuery) -> MetricPage:
        """One page of metrics."""
        texts = (query.namespace, query.name, *(text for pair in query.dimensions for text in pair))
        if not all(text is None or is_storable(text) for text in texts):
            return MetricPage(metrics=(), last=None)
        statement: Select[Any] = (
            select(metrics.c.id, *_NAMES).where(*_filters(query)).order_by(metrics.c.id).limit(query.limit + 1)
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        page = rows[: query.limit]
        return MetricPage(metrics=tuple(map(_key_of, page)), last=page[-1].id if len(rows) > len(page) else None)

    def read(self, key: MetricKey, window: Window) -> Sequence[Bucket]:
        """The periods in which something was measured, in order."""
        table = metric_seconds if window.period_s < MINUTE else metric_minutes
        figures = (table.c.samples, table.c.total, table.c.minimum, table.c.maximum)
        with self._database.reading() as connection:
            rows = _in_periods(connection, table, key, window, figures)
            if rows is None:
                return []
            columns = rows.c
            summed = (
                func.sum(columns.samples),
                func.sum(columns.total),
                func.min(columns.minimum),
                func.max(columns.maximum),
            )
            place = (columns.period_s, columns.unit)
            statement = select(*place, *summed).group_by(*place).order_by(*place)
            return [
                Bucket(at_s, unit, Statistics(samples, total, minimum, maximum))
                for at_s, unit, samples, total, minimum, maximum in connection.execute(statement)
            ]

    def read_values(self, key: MetricKey, window: Window) -> Sequence[ValueBucket]:
        """The values of each period, in order, from what is kept by the second."""
        table = metric_seconds
        figures = (table.c.samples, table.c.minimum, table.c.maximum, table.c.value_weights)
        with self._database.reading() as connection:
            found = _in_periods(connection, table, key, window, figures)
            if found is None:
                return []
            rows: Sequence[Row[Any]] = connection.execute(select(found).order_by(found.c.period_s, found.c.unit)).all()
        return [_value_bucket(place, group) for place, group in groupby(rows, lambda row: (row.period_s, row.unit))]

    def forget_seconds(self, before_s: int, limit: int) -> int:
        """Remove what was measured before, but for its minutes; how many rows, at most `limit`."""
        with self._database.writing() as connection:
            return _delete_seconds(connection, before_s, limit)

    def first_minute_s(self) -> int | None:
        """When the oldest minute began."""
        with self._database.reading() as connection:
            first: int | None = connection.execute(select(func.min(metric_minutes.c.at_s))).scalar_one()
            return first

    def forget_minutes(self, before_s: int, limit: int) -> int:
        """Remove minutes that began before, with their seconds, and metrics that have no more; how many rows."""
        before_s, removed = _minute(before_s), 0
        with self._database.writing() as connection:
            for delete_rows in (_delete_seconds, _delete_minutes, _delete_metrics):
                if removed < limit:
                    removed += delete_rows(connection, before_s, limit - removed)
        return removed


def _delete_seconds(connection: Connection, before_s: int, limit: int) -> int:
    old = select(metric_seconds.c.id).where(metric_seconds.c.at_s < before_s).limit(limit)
    return connection.execute(delete(metric_seconds).where(metric_seconds.c.id.in_(old))).rowcount


def _delete_minutes(connection: Connection, before_s: int, limit: int) -> int:
    old = select(*_MINUTE_KEY).where(metric_minutes.c.at_s < before_s).limit(limit)
    return connection.execute(delete(metric_minutes).where(tuple_(*_MINUTE_KEY).in_(old))).rowcount


def _delete_metrics(connection: Connection, before_s: int, limit: int) -> int:
    """Those whose minutes are gone."""
    empty = select(metrics.c.id).where(metrics.c.last_minute_s < before_s).order_by(metrics.c.id).limit(limit)
    connection.execute(delete(metric_dimensions).where(metric_dimensions.c.metric_id.in_(empty)))
    return connection.execute(delete(metrics).where(metrics.c.id.in_(empty))).rowcount


def _in_periods(
    connection: Connection, table: Table, key: MetricKey, window: Window, figures: Sequence[Column[Any]]
) -> Subquery | None:
    """The rows of a metric in a window, with the first second of the period that each lies in; None: no such metric."""
    if not is_storable(f"{key.namespace}{key.name}{key.dimensions_text}"):
        return None
    metric_id = connection.execute(_FIND_METRICS, {"keys": [_names(key)]}).scalar_one_or_none()
    if metric_id is None:
        return None
    at_s: Column[int] = table.c.at_s
    period_s = (at_s - (at_s - window.since_s) % window.period_s).label("period_s")
    inside = (table.c.metric_id == metric_id, at_s >= window.since_s, at_s < window.until_s)
    return select(period_s, table.c.unit, *figures).where(*inside).subquery()


def _names(key: MetricKey) -> tuple[str, str, str, str, str]:
    return (key.account, key.region, key.namespace, key.name, key.dimensions_text)


def _key_of(row: Row[Any]) -> MetricKey:
    pairs = tuple((name, value) for name, value in json.loads(row.dimensions))
    return MetricKey(row.account, row.region, row.namespace, row.name, pairs)


def _ids_of(connection: Connection, data: Mapping[MetricKey, Datum]) -> Mapping[MetricKey, int]:
    """The ids of metrics, which are added where there are none."""
    found = connection.execute(_FIND_METRICS, {"keys": [_names(key) for key in data]}).all()
    ids = {_key_of(row): row.id for row in found}
    for key, datum in data.items():
        if key not in ids:
            ids[key] = _add_metric(connection, key, datum.at_s)
    return ids


def _add_metric(connection: Connection, key: MetricKey, at_s: int) -> int:
    values = {**dict(zip((column.name for column in _NAMES), _names(key), strict=True)), "last_minute_s": _minute(at_s)}
    metric_id: int = connection.execute(insert(metrics).values(values).returning(metrics.c.id)).scalar_one()
    if key.dimensions:
        rows = [{"metric_id": metric_id, "name": name, "value": value} for name, value in key.dimensions]
        connection.execute(insert(metric_dimensions), rows)
    return metric_id


def _second_row(metric_id: int, datum: Datum) -> Mapping[str, object]:
    values = datum.values
    is_one = values is not None and len(values) == 1 and values[0].weight == 1
    return {
        "metric_id": metric_id,
        "at_s": datum.at_s,
        "unit": datum.unit,
        "value_weights": None if is_one or values is None else [list(each) for each in values],
        **datum.statistics._asdict(),
    }


def _add_to_minutes(connection: Connection, data: Iterable[tuple[int, Datum]]) -> None:
    added: dict[_MinuteKey, Statistics] = {}
    for metric_id, datum in data:
        key = _MinuteKey(metric_id, _minute(datum.at_s), datum.unit)
        added[key] = added[key].merged(datum.statistics) if key in added else datum.statistics
    present = connection.execute(_FIND_MINUTES, {"keys": [tuple(key) for key in added]})
    stored = {_MinuteKey(row.metric_id, row.at_s, row.unit): _statistics(row) for row in present}
    changed = [
        {f"key_{name}": value for name, value in key._asdict().items()}
        | {f"new_{name}": value for name, value in before.merged(added[key])._asdict().items()}
        for key, before in stored.items()
    ]
    new = [{**key._asdict(), **figures._asdict()} for key, figures in added.items() if key not in stored]
    if changed:
        connection.execute(_SET_MINUTE, changed)
    if new:
        connection.execute(_ADD_MINUTES, new)
        connection.execute(_TOUCH, [{"metric_id": row["metric_id"], "minute_s": row["at_s"]} for row in new])


def _statistics(row: Row[Any]) -> Statistics:
    return Statistics(*(getattr(row, name) for name in _FIGURES))


def _minute(at_s: int) -> int:
    return at_s // MINUTE * MINUTE


def _value_bucket(key: tuple[int, str], rows: Iterable[Row[Any]]) -> ValueBucket:
    values: list[Weighted] = []
    for row in rows:
        values += _values_of(row)
    return ValueBucket(*key, sum(each.weight for each in values), tuple(values))


def _values_of(row: Row[Any]) -> Iterable[Weighted]:
    if row.value_weights is not None:
        return [Weighted(value, weight) for value, weight in row.value_weights]
    if row.minimum == row.maximum:
        return [Weighted(row.minimum, row.samples)]
    return []


def _filters(query: MetricQuery) -> list[ColumnElement[bool]]:
    filters = [metrics.c.account == query.account, metrics.c.region == query.region, metrics.c.id > query.after]
    if query.namespace is not None:
        filters.append(metrics.c.namespace == query.namespace)
    if query.name is not None:
        filters.append(metrics.c.name == query.name)
    if query.active_since_s is not None:
        filters.append(metrics.c.last_minute_s >= _minute(query.active_since_s))
    return [*filters, *map(_has_dimension, query.dimensions)]


def _has_dimension(pair: tuple[str, str | None]) -> ColumnElement[bool]:
    name, value = pair
    having = select(metric_dimensions.c.metric_id).where(metric_dimensions.c.name == name)
    return metrics.c.id.in_(having if value is None else having.where(metric_dimensions.c.value == value))
