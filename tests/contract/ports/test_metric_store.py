"""The port suite of MetricStore: what was measured by the second and by the minute, lists, and the values."""

from functools import partial

import pytest

from processing_emulator.domain.metrics import Datum, MetricKey, Statistics, Weighted, datum_of
from processing_emulator.ports import Bucket, MetricQuery, ValueBucket, Window
from tests.contract.ports.stores import PortStores, race

AT = 1_800_000_000
"""The first second of a minute."""

KEY = MetricKey("000000000000", "us-east-1", "space", "cpu", (("Host", "job/algo-1"),))
ALL = MetricQuery(account="000000000000", region="us-east-1", limit=100)


def a_datum(seconds: int = 0, value: float = 1.5, key: MetricKey = KEY, unit: str = "Percent") -> Datum:
    return datum_of(key, AT + seconds, unit, [Weighted(value, 1)])


def by_period(stores: PortStores, period_s: int, key: MetricKey = KEY, since_s: int = AT) -> list[Bucket]:
    return list(stores.metrics.read(key, Window(since_s=since_s, until_s=AT + 600, period_s=period_s)))


def listed(stores: PortStores, **filters: object) -> list[str]:
    query = MetricQuery(**{**{name: getattr(ALL, name) for name in ("account", "region", "limit")}, **filters})
    return [key.name for key in stores.metrics.list_metrics(query).metrics]


def named(name: str, *dimensions: tuple[str, str], namespace: str = "space") -> MetricKey:
    return MetricKey("000000000000", "us-east-1", namespace, name, dimensions)


def test_unknown_metric_has_nothing(stores: PortStores) -> None:
    assert by_period(stores, 1) == by_period(stores, 60) == []
    assert list(stores.metrics.read_values(KEY, Window(since_s=AT, until_s=AT + 60, period_s=60))) == []


def test_seconds_and_minutes_say_the_same(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0, 10.0), a_datum(1, 30.0)])
    stores.metrics.put([a_datum(59, 20.0), a_datum(60, 5.0)])

    one_each = [(0, 10.0), (1, 30.0), (59, 20.0), (60, 5.0)]
    assert by_period(stores, 1) == [Bucket(AT + at, "Percent", Statistics(1, v, v, v)) for at, v in one_each]
    assert by_period(stores, 60) == [
        Bucket(AT, "Percent", Statistics(3, 60.0, 10.0, 30.0)),
        Bucket(AT + 60, "Percent", Statistics(1, 5.0, 5.0, 5.0)),
    ]
    assert by_period(stores, 300) == [Bucket(AT, "Percent", Statistics(4, 65.0, 5.0, 30.0))]


def test_periods_begin_where_the_window_does(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0), a_datum(60), a_datum(120)])
    assert [bucket.at_s - AT for bucket in by_period(stores, 120, since_s=AT - 60)] == [-60, 60]
    assert [bucket.at_s - AT for bucket in by_period(stores, 120)] == [0, 120]


def test_the_start_belongs_to_a_window_and_the_end_does_not(stores: PortStores) -> None:
    stores.metrics.put([a_datum(seconds) for seconds in range(5)])
    window = Window(since_s=AT + 1, until_s=AT + 3, period_s=1)
    assert [bucket.at_s - AT for bucket in stores.metrics.read(KEY, window)] == [1, 2]


def test_data_of_one_second_are_added_to_each_other(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0, 1.0), a_datum(0, 3.0)])
    assert by_period(stores, 1) == by_period(stores, 60) == [Bucket(AT, "Percent", Statistics(2, 4.0, 1.0, 3.0))]


def test_units_are_kept_apart(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0, 1.0), a_datum(0, 2.0, unit="Count")])
    assert [(bucket.unit, bucket.statistics.total) for bucket in by_period(stores, 60)] == [
        ("Count", 2.0),
        ("Percent", 1.0),
    ]


def test_values_come_back_with_their_weights_and_statistics_have_none(stores: PortStores) -> None:
    values = [Weighted(1.0, 3), Weighted(4.0, 2)]
    statistics = Datum(key=KEY, at_s=AT + 2, unit="Percent", statistics=Statistics(4, 8.0, 1.0, 5.0), values=None)
    equal = Datum(key=KEY, at_s=AT + 3, unit="Percent", statistics=Statistics(2, 12.0, 6.0, 6.0), values=None)
    stores.metrics.put([datum_of(KEY, AT, "Percent", values), a_datum(1, 9.0), statistics, equal])

    [bucket] = stores.metrics.read_values(KEY, Window(since_s=AT, until_s=AT + 60, period_s=60))
    assert bucket == ValueBucket(AT, "Percent", 8, (*values, Weighted(9.0, 1), Weighted(6.0, 2)))
    assert by_period(stores, 60)[0].statistics.samples == 12


def test_forgotten_seconds_stay_in_their_minutes(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0, 1.0), a_datum(1, 2.0), a_datum(60, 3.0)])
    stores.metrics.put([a_datum(-60), a_datum(-1)])
    assert [stores.metrics.forget_seconds(AT + 1, 2) for _ in range(2)] == [2, 1]
    assert [bucket.at_s - AT for bucket in by_period(stores, 1)] == [1, 60]
    assert [bucket.statistics.total for bucket in by_period(stores, 60)] == [3.0, 3.0]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_forgotten_minutes_are_gone_with_metrics_that_have_no_more(stores: PortStores, limit: int) -> None:
    assert stores.metrics.first_minute_s() is None
    stores.metrics.put([a_datum(0), a_datum(61), a_datum(125), a_datum(0, key=named("old", ("Host", "x")))])
    assert stores.metrics.first_minute_s() == AT

    removed = [stores.metrics.forget_minutes(AT + 119, limit) for _ in range(6)]  # the second minute began before: kept
    assert (sum(removed), max(removed)) == (5, min(limit, 5))  # two seconds, their minutes, and a metric
    assert stores.metrics.first_minute_s() == AT + 60
    assert [bucket.at_s - AT for bucket in by_period(stores, 60)] == [60, 120]
    assert [bucket.at_s - AT for bucket in by_period(stores, 1)] == [61, 125]
    assert listed(stores) == ["cpu"]

    stores.metrics.put([a_datum(130, key=named("old", ("Host", "x")))])
    assert listed(stores, dimensions=(("Host", "x"),)) == ["old"]


def test_lists_by_namespace_name_and_dimensions(stores: PortStores) -> None:
    keys = [
        named("a", ("Host", "x")),
        named("b", ("Host", "x"), ("Zone", "1")),
        named("c", ("Host", "y")),
        named("d", namespace="other"),
        MetricKey("111111111111", "us-east-1", "space", "e"),
        MetricKey("000000000000", "eu-west-1", "space", "f"),
    ]
    stores.metrics.put([a_datum(0, key=key) for key in keys])

    assert listed(stores) == ["a", "b", "c", "d"]
    assert listed(stores, namespace="space") == ["a", "b", "c"]
    assert listed(stores, name="d") == ["d"]
    assert listed(stores, dimensions=(("Host", "x"),)) == ["a", "b"]
    assert listed(stores, dimensions=(("Host", None), ("Zone", None))) == ["b"]
    assert listed(stores, dimensions=(("Zone", "x"),)) == []
    assert listed(stores, account="111111111111") == ["e"]
    assert listed(stores, name="a\0") == listed(stores, namespace="\ud800") == []


def test_lists_by_activity(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0, key=named("old")), a_datum(3600, key=named("new"))])
    stores.metrics.put([a_datum(30, key=named("new"))])
    assert listed(stores, active_since_s=AT + 59) == ["old", "new"]
    assert listed(stores, active_since_s=AT + 60) == ["new"]


def test_pages_cover_everything_once(stores: PortStores) -> None:
    stores.metrics.put([a_datum(0, key=named(name)) for name in "abcde"])
    names, after = [], 0
    for _ in range(3):
        page = stores.metrics.list_metrics(
            MetricQuery(account="000000000000", region="us-east-1", limit=2, after=after)
        )
        names += [key.name for key in page.metrics]
        after = page.last or 0
    assert (names, after) == (["a", "b", "c", "d", "e"], 0)


def test_metrics_differ_by_their_dimensions(stores: PortStores) -> None:
    plain, other = named("cpu"), named("cpu", ("Host", "job/algo-2"))
    stores.metrics.put([a_datum(0, 1.0), a_datum(0, 2.0, key=plain), a_datum(0, 3.0, key=other)])
    assert [by_period(stores, 60, key)[0].statistics.total for key in (KEY, plain, other)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("text", ['a"b\\', "a/b-c", "\u00e9\U0001f600"])
def test_any_text_names_a_metric(stores: PortStores, text: str) -> None:
    key = named(text, (text, text), namespace=text)
    stores.metrics.put([a_datum(0, key=key)])
    assert list(stores.metrics.list_metrics(ALL).metrics) == [key]
    assert len(by_period(stores, 60, key)) == 1


def test_data_put_at_once_are_all_counted(stores: PortStores) -> None:
    puts = [partial(stores.metrics.put, [a_datum(second, float(second))]) for second in range(12)]
    assert race(puts) == [None] * 12
    assert by_period(stores, 60) == [Bucket(AT, "Percent", Statistics(12, 66.0, 0.0, 11.0))]
