"""The query language of Logs Insights, by the examples of the service's pages."""

import json
from collections.abc import Sequence

import pytest

from processing_emulator.domain.log_insights.commands import MOST_GROUPS
from processing_emulator.domain.log_insights.query import parse_query
from processing_emulator.domain.log_insights.values import Moment, Row
from processing_emulator.errors import QueryMalformed, QueryTooLarge

AT = 1_767_323_040_000
"""2026-01-02 03:04:00 UTC."""

LINES = [
    "INFO:__main__:started",
    "ERROR:__main__:cannot read file 7",
    "WARN:worker:slow, took=250 ms",
    "ERROR:worker:cannot read file 12",
    json.dumps({"level": "info", "latency": 120, "user": {"name": "ann"}, "list": [5, 6]}),
    json.dumps({"level": "error", "latency": 80.5, "user": {"name": "bob"}, "detail-type": "x"}),
    json.dumps({"level": "error", "latency": "300", "user": {"name": "ann"}}),
]
"""Printed in this order, a minute apart."""


def rows(messages: Sequence[str] = LINES) -> list[Row]:
    """The latest first, as the store is searched."""
    found = [
        Row(
            {
                "@timestamp": Moment(AT + 60_000 * number),
                "@message": message,
                "@logStream": f"job-{number % 2}/algo-1",
                "@ptr": f"p{number}",
            }
        )
        for number, message in enumerate(messages)
    ]
    return found[::-1]


def results(query: str, limit: int | None = None) -> list[dict[str, str]]:
    """The rows of the result without `@ptr`."""
    parsed = parse_query(query, limit)
    found = [dict(parsed.result(row)) for row in parsed.run(rows(), lambda: None)]
    return [{name: value for name, value in row.items() if name != "@ptr"} for row in found]


def column(query: str) -> list[str]:
    """The values of a query with one column."""
    return [value for row in results(query) for value in row.values()]


def test_without_fields_time_and_message_are_shown_the_latest_first() -> None:
    found = results("limit 2")

    assert found == [
        {"@timestamp": "2026-01-02 03:10:00.000", "@message": LINES[6]},
        {"@timestamp": "2026-01-02 03:09:00.000", "@message": LINES[5]},
    ]
    assert len(results("fields @message")) == 7
    assert len(results("fields @message", limit=3)) == 3
    assert dict(parse_query("fields @message").result(rows()[0]))["@ptr"] == "p6"


def test_the_query_of_many_dashboards() -> None:
    query = """
        fields @message
        | parse @message "*:__main__:*" as level, text
        # only errors
        | filter level = "ERROR"
        | filter @logStream like /job*/
        | display @timestamp, text
    """

    assert results(query) == [{"@timestamp": "2026-01-02 03:05:00.000", "text": "cannot read file 7"}]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('level = "error"', [5, 6]),
        ("level = 'error'", [5, 6]),
        ('level != "error"', [4]),
        ("latency > 100", [4, 6]),
        ("latency >= 80.5 and latency < 300", [4, 5]),
        ("latency = 300", [6]),
        ('@message like "cannot"', [1, 3]),
        ("@message like /(?i)CANNOT/", [1, 3]),
        ("@message =~ /file \\d$/", [1]),
        ("@message not like /cannot|level/", [0, 2]),
        ("not @message like /cannot|level/", [0, 2]),
        ('level in ["info", "warn"]', [4]),
        ('ispresent(level) and level not in ["info", "warn"]', [5, 6]),
        ('user.name = "ann" or latency < 100', [4, 5, 6]),
        ('user.name = "ann" and (latency < 200 or level = "nothing")', [4]),
        ("list.1 = 6", [4]),
        ('`user.name` = "bob"', [5]),
        ("ispresent(latency)", [4, 5, 6]),
        ("isempty(latency) and strcontains(@message, 'slow')", [2]),
        ("latency * 2 + 1 > 240", [4, 6]),
        ("abs(0 - latency) / 4 = 30", [4]),
        ("latency % 100 = 20", [4]),
        ("strlen(@message) = 21", [0]),
        ("toupper(level) = 'INFO'", [4]),
        ("@timestamp >= 1767323400000", [6]),
        ("2 ^ 3 = 8 and -latency < -200", [6]),
        ("latency / 0 = 1", []),
    ],
)
def test_filters(condition: str, numbers: list[int]) -> None:
    assert results(f"filter {condition} | sort @timestamp asc | fields @message") == [
        {"@message": LINES[number]} for number in numbers
    ]


def test_parse_takes_parts_by_glob_or_regular_expression() -> None:
    assert column('parse @message "took=* ms" as ms | filter ispresent(ms) | display ms') == ["250"]
    assert column('parse "ERROR:*:*" as who, what | filter ispresent(who) | display who') == ["worker", "__main__"]
    assert column("parse @message /file (?<file>\\d+)/ | filter ispresent(file) | display file") == ["12", "7"]
    assert column("parse /took=(\\d+)/ as took | filter took > 1 | display took") == ["250"]


def test_columns_can_be_computed_and_named() -> None:
    query = 'filter level = "error" | fields latency * 2 as double, concat(level, "-", user.name), floor(latency)'

    assert results(query) == [
        {"double": "600", 'concat(level, "-", user.name)': "error-ann", "floor(latency)": "300"},
        {"double": "161", 'concat(level, "-", user.name)': "error-bob", "floor(latency)": "80"},
    ]


def test_sort_puts_numbers_in_their_order_and_missing_ones_last() -> None:
    assert column("filter ispresent(latency) | sort latency desc | display latency") == ["300", "120", "80.5"]
    assert column("sort latency asc | limit 4 | display latency") == ["80.5", "120", "300"]
    assert column("filter ispresent(level) | sort level, latency desc | display latency") == ["300", "80.5", "120"]


def test_stats_count_and_calculate_by_group() -> None:
    assert results("stats count(*)") == [{"count(*)": "7"}]
    assert results("filter level = 'nothing' | stats count(*) as n, sum(latency)") == [{"n": "0"}]
    query = (
        "filter ispresent(level) | stats count(*) as n, sum(latency) as s, avg(latency) as a, min(latency) as low,"
        " max(latency) as high by level | sort level"
    )
    assert results(query) == [
        {"level": "error", "n": "2", "s": "380.5", "a": "190.25", "low": "80.5", "high": "300"},
        {"level": "info", "n": "1", "s": "120", "a": "120", "low": "120", "high": "120"},
    ]
    assert results("stats count_distinct(user.name) as users, pct(latency, 50) as p50, sum(latency) / count(*)") == [
        {"users": "2", "p50": "120", "sum(latency) / count(*)": "71.5"}
    ]
    assert results("stats earliest(@message) as a, latest(@logStream) as b") == [{"a": LINES[0], "b": "job-0/algo-1"}]


def test_stats_by_time_and_further_commands() -> None:
    assert results("stats count(*) as n by bin(5m) as t | sort t") == [
        {"t": "2026-01-02 03:00:00.000", "n": "1"},
        {"t": "2026-01-02 03:05:00.000", "n": "5"},
        {"t": "2026-01-02 03:10:00.000", "n": "1"},
    ]
    assert results("stats count(*) as n by bin(5m) | filter n > 2 | display n") == [{"n": "5"}]
    assert results("stats count() by @logStream, bin(1h) | sort @logStream | limit 1") == [
        {"@logStream": "job-0/algo-1", "bin(1h)": "2026-01-02 03:00:00.000", "count()": "4"}
    ]


def test_dedup_keeps_the_latest_of_equal_ones() -> None:
    assert column("filter ispresent(level) | dedup level | display latency") == ["300", "120"]


def test_numbers_without_bounds_are_survived() -> None:
    huge = json.dumps({"n": 10**4000})
    query = parse_query(
        "filter n > 1 or 1 = 1 | fields n * n, n + 0.5, abs(n) | sort n desc | stats sum(n), pct(n, 50), max(n) as m"
    )

    found = [dict(query.result(row)) for row in query.run(rows([huge, '{"n": 2}', '{"n": 1e308}']), lambda: None)]

    assert len(found) == 1
    assert found[0]["m"] == str(10**4000)


def test_a_limit_stops_the_search() -> None:
    taken = []

    def counted() -> object:
        for row in rows():
            taken.append(row)
            yield row

    list(parse_query("filter level = 'error' | limit 1").run(counted(), lambda: None))  # type: ignore[arg-type]

    assert len(taken) == 1


def test_matching_rows_are_counted() -> None:
    matched: list[None] = []

    list(parse_query("filter level = 'error' | stats count(*)").run(rows(), lambda: matched.append(None)))

    assert len(matched) == 2


def test_groups_without_end_are_refused() -> None:
    many = (Row({"@message": str(number)}) for number in range(MOST_GROUPS + 1))

    with pytest.raises(QueryTooLarge):
        list(parse_query("stats count(*) by @message").run(many, lambda: None))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "without a command"),
        ("fields", "expected"),
        ("SOURCE logGroups() | fields @message", "'SOURCE' is not supported"),
        ("unmask @message", "'unmask' is not supported"),
        ("pattern @message", "'pattern' is not supported"),
        ("fields @message | diff", "'diff' is not supported"),
        ("fields jsonParse(@message)", "function jsonParse is not supported"),
        ("filter count(*) > 1", "only be used in stats"),
        ("stats avg(sum(latency))", "only be used in stats"),
        ("stats stddev(latency)", "function stddev is not supported"),
        ("filter level = ", "expected"),
        ("filter level = 'a' level", "'|' expected"),
        ("filter level in 'a'", "'[' expected"),
        ("filter @message like /(/", "invalid regular expression"),
        ("filter @message like /(?!a)b/", "invalid perl operator: (?!"),
        ("filter @message like 5", "a text or a regular expression"),
        ("parse @message 'no star' as a", "has no *"),
        ("parse @message '* *' as a", "2 parts to take and 1 names"),
        ("parse @message /a/", "0 parts"),
        ("limit 0", "limit needs"),
        ("limit many", "limit needs"),
        ("stats count(*) by bin(5)", "a period"),
        ("stats pct(latency, 101)", "a percentage"),
        ("fields substr(level)", "does not take 1 arguments"),
        ("filter level ~ 1", "unexpected symbol"),
        ("filter 1" + " + 1" * 400, "too many operators"),
        (f"stats count(*) by bin({'9' * 5000}s)", "a period"),
        ("filter " + "(" * 100 + "1" + ")" * 100, "nested too deeply"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_name(query: str, text: str) -> None:
    with pytest.raises(QueryMalformed) as refusal:
        parse_query(query)
    assert text in str(refusal.value)
