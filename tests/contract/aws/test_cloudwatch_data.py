"""PutMetricData and GetMetricData in three protocols: what is put is read, metric math, searches, pages, refusals."""

import gzip
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.aws.test_cloudwatch_metrics import MINUTE, NAMESPACE, PROTOCOLS, Ask, asking, measured
from tests.unit.aws.asgi import call
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import START, Api

SPAN = {"StartTime": MINUTE, "EndTime": MINUTE + timedelta(minutes=5)}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture(params=PROTOCOLS)
def ask(api: Api, request: pytest.FixtureRequest) -> Ask:
    return asking(app_over(api), request.param)


@pytest.fixture
def cbor(api: Api) -> Ask:
    return asking(app_over(api), "smithy-rpc-v2-cbor")


def metric(name: str, query_id: str = "m1", stat: str = "Average", period: int = 60, **changes: Any) -> dict[str, Any]:
    stated = {"Metric": {"Namespace": "space", "MetricName": name}, "Period": period, "Stat": stat}
    return {"Id": query_id, "MetricStat": stated, **changes}


def put(ask: Ask, name: str, *values: float | None, every: int = 60) -> None:
    """Values a minute apart from MINUTE on; None leaves a gap."""
    data = [
        {"MetricName": name, "Timestamp": MINUTE + timedelta(seconds=n * every), "Value": value}
        for n, value in enumerate(values)
        if value is not None
    ]
    assert "Error" not in ask("PutMetricData", Namespace="space", MetricData=data)


def get(ask: Ask, *queries: Mapping[str, Any], **changes: Any) -> list[dict[str, Any]]:
    answer = ask(
        "GetMetricData", **{"MetricDataQueries": list(queries), "ScanBy": "TimestampAscending", **SPAN, **changes}
    )
    assert "Error" not in answer, answer["Error"]
    results = answer["MetricDataResults"]
    assert isinstance(results, list)
    return results


def of_expression(ask: Ask, expression: str, **changes: Any) -> dict[int, float]:
    """The values by their minute, of an expression over m1, m2 and m3."""
    unseen = [metric(name, name, ReturnData=False) for name in ("m1", "m2", "m3")]
    [result] = get(ask, *unseen, {"Id": "e", "Expression": expression}, **changes)
    minutes = [int((at - MINUTE).total_seconds()) // 60 for at in result["Timestamps"]]
    return dict(zip(minutes, result["Values"], strict=True))


def error_of(ask: Ask, *queries: Mapping[str, Any], **changes: Any) -> tuple[str, str]:
    error = ask("GetMetricData", **{"MetricDataQueries": list(queries), **SPAN, **changes})["Error"]
    return error["Code"], error["Message"]


# --- putting ---


def test_every_form_of_a_datum_is_read_back(ask: Ask) -> None:
    sets = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
    data = [
        {"MetricName": "value", "Timestamp": MINUTE, "Value": 0.25, "Unit": "Seconds"},
        {"MetricName": "values", "Timestamp": MINUTE, "Values": [1, 5], "Counts": [3, 1]},
        {"MetricName": "set", "Timestamp": MINUTE, "StatisticValues": sets},
        {"MetricName": "now", "Value": 1, "Dimensions": [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]},
    ]
    assert ask("PutMetricData", Namespace="space", MetricData=data)["ResponseMetadata"]["HTTPStatusCode"] == 200

    def read(name: str) -> dict[str, Any]:
        names = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
        answer = ask("GetMetricStatistics", Namespace="space", MetricName=name, Period=60, Statistics=names, **SPAN)
        [datapoint] = answer["Datapoints"]
        assert isinstance(datapoint, dict)
        return datapoint

    assert (read("value")["Unit"], read("value")["Average"]) == ("Seconds", 0.25)
    assert [read("values")[name] for name in ("SampleCount", "Average", "Maximum")] == [4, 2, 5]
    assert [read("set")[name] for name in ("SampleCount", "Sum", "Minimum")] == [4, 10, 1]
    listed = ask("ListMetrics", Namespace="space", MetricName="now")["Metrics"]
    assert [each["Dimensions"] for each in listed] == [[{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]]


def test_data_are_kept_by_the_minute_unless_they_ask_for_seconds(ask: Ask) -> None:
    for second, resolution in ((10, 1), (11, 1), (12, 60)):
        at = MINUTE + timedelta(seconds=second)
        name = "fine" if resolution == 1 else "coarse"
        datum = {"MetricName": name, "Timestamp": at, "Value": 1, "StorageResolution": resolution}
        ask("PutMetricData", Namespace="space", MetricData=[datum])

    found = get(ask, metric("fine", period=1), metric("coarse", "m2", period=1))

    assert [[(at - MINUTE).total_seconds() for at in each["Timestamps"]] for each in found] == [[10, 11], [0]]


def test_a_compressed_body_is_read(api: Api) -> None:
    """As botocore sends it from 10 KiB on."""
    body = json.dumps({"Namespace": "space", "MetricData": [{"MetricName": f"m{n}", "Value": n} for n in range(500)]})
    headers = (
        ("host", "localhost"),
        ("content-type", "application/x-amz-json-1.0"),
        ("content-encoding", "gzip"),
        ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
    )
    app = app_over(api)

    assert call(app, method="POST", path="/", headers=headers, body=gzip.compress(body.encode())).status == 200
    assert len(asking(app, "json")("ListMetrics")["Metrics"]) == 500
    for broken in (body.encode(), gzip.compress(body.encode())[:-9], gzip.compress(b"[" * 2**21)):
        answer = call(app, method="POST", path="/", headers=headers, body=broken)
        assert answer.status in (400, 413)


def test_a_container_s_own_metrics_may_stand_beside_those_of_its_job(api: Api, ask: Ask) -> None:
    measured(api, 0, 50.0)
    host = [{"Name": "Host", "Value": "job/algo-1"}]
    datum = {"MetricName": "rows", "Timestamp": MINUTE, "Value": 7, "Dimensions": host}
    ask("PutMetricData", Namespace=NAMESPACE, MetricData=[datum])

    names = {each["MetricName"] for each in ask("ListMetrics", Namespace=NAMESPACE)["Metrics"]}
    assert names == {"CPUUtilization", "MemoryUtilization", "DiskUtilization", "rows"}


TOO_MANY = [{"MetricName": "m", "Value": 1}] * 1001
NOT_A_NUMBER = float("nan")


@pytest.mark.parametrize(
    ("namespace", "data", "code", "text"),
    [
        ("space", [], "MissingParameter", "MetricData is required"),
        ("AWS/EC2", [{"Value": 1}], "InvalidParameterValue", "AWS/ is reserved"),
        ("space", TOO_MANY, "InvalidParameterValue", "must not have a size greater than 1,000"),
        ("space", [{}], "MissingParameter", "MetricData.member.1.Value"),
        ("space", [{"Value": 1, "Values": [1]}], "InvalidParameterCombination", "mutually exclusive"),
        ("space", [{"Values": [1, 2], "Counts": [1]}], "InvalidParameterValue", "must be of the same size"),
        ("space", [{"Values": [1], "Counts": [0]}], "InvalidParameterValue", "must be greater than 0"),
        ("space", [{"Values": [1] * 151}], "InvalidParameterValue", "between 1 and 150"),
        ("space", [{"Value": 2.0**361}], "InvalidParameterValue", "is invalid"),
        ("space", [{"Value": 1, "StorageResolution": 5}], "InvalidParameterValue", "must be 1 or 60"),
        ("space", [{"Value": 1, "Timestamp": START + timedelta(hours=3)}], "InvalidParameterValue", "in the future"),
        ("space", [{"Value": 1, "Timestamp": START - timedelta(days=15)}], "InvalidParameterValue", "past two weeks"),
        (
            "space",
            [{"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}}],
            "InvalidParameterValue",
            "must not be greater",
        ),
        (
            "space",
            [{"StatisticValues": {"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1}}],
            "InvalidParameterValue",
            "SampleCount must be greater than 0",
        ),
        ("space", [{"Value": 1, "Unit": "Furlongs"}], "ValidationError", "enum value set"),
    ],
)
def test_data_that_break_a_rule_are_refused_whole(
    ask: Ask, namespace: str, data: list[dict[str, Any]], code: str, text: str
) -> None:
    named = [{"MetricName": "m", **datum} for datum in data]
    error = ask("PutMetricData", Namespace=namespace, MetricData=named)["Error"]

    assert error["Code"] == code
    assert text in error["Message"]
    assert ask("ListMetrics")["Metrics"] == []


def test_a_value_that_is_no_number_is_refused(cbor: Ask) -> None:
    data = [{"MetricName": "good", "Value": 1}, {"MetricName": "bad", "Value": NOT_A_NUMBER}]
    error = cbor("PutMetricData", Namespace="space", MetricData=data)["Error"]
    assert (error["Code"], error["Message"]) == (
        "InvalidParameterValue",
        "The value nan for parameter MetricData.member.2.Value is invalid.",
    )
    assert cbor("ListMetrics")["Metrics"] == []


# --- reading ---


def test_several_metrics_come_with_id_label_and_status(ask: Ask) -> None:
    put(ask, "a", 1, 2)
    put(ask, "b", 3)

    results = get(
        ask,
        metric("a", "m1", "Maximum"),
        metric("b", "m2", "p50", Label="mine"),
        metric("nothing", "m3"),
        metric("a", "m4", ReturnData=False),
    )

    assert [(each["Id"], each["Label"], each["StatusCode"]) for each in results] == [
        ("m1", "a", "Complete"),
        ("m2", "mine", "Complete"),
        ("m3", "nothing", "Complete"),
    ]
    assert [each["Values"] for each in results] == [[1, 2], [3], []]
    assert results[0]["Timestamps"] == [MINUTE, MINUTE + timedelta(minutes=1)]


def test_the_newest_value_comes_first_unless_asked_otherwise(cbor: Ask) -> None:
    put(cbor, "a", 1, 2, 3)
    answer = cbor("GetMetricData", MetricDataQueries=[metric("a")], **SPAN)
    assert answer["MetricDataResults"][0]["Values"] == [3, 2, 1]


def test_pages_cover_all_values_once(ask: Ask) -> None:
    put(ask, "a", 1, 2, 3)
    put(ask, "b", 4, 5)
    asked = {"MetricDataQueries": [metric("a"), metric("b", "m2")], "ScanBy": "TimestampAscending", **SPAN}
    seen: list[tuple[str, list[float], str]] = []
    token: dict[str, str] = {}
    while True:
        page = ask("GetMetricData", MaxDatapoints=2, **asked, **token)
        seen += [(each["Id"], each["Values"], each["StatusCode"]) for each in page["MetricDataResults"]]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}

    assert seen == [
        ("m1", [1, 2], "PartialData"),
        ("m1", [3], "Complete"),
        ("m2", [4], "PartialData"),
        ("m2", [5], "Complete"),
    ]
    other = ask("GetMetricData", **{**asked, "MaxDatapoints": 3}, **token)["Error"]
    assert other["Code"] == "InvalidNextToken"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1 + m2", {0: 11, 1: 22}),
        ("m1 - m2 * 2", {0: -19, 1: -38}),
        ("(m1 + m2) / 2 ^ 2", {0: 2.75, 1: 5.5}),
        ("-m1 ^ 2", {0: -1, 1: -4, 3: -16}),
        ("100 * m1 / m1", {0: 100, 1: 100, 3: 100}),
        ("m1 / 0", {}),
        ("m1 > 1 AND m1 < 4", {0: 0, 1: 1, 3: 0}),
        ("m1 == 1 || m1 >= 4", {0: 1, 1: 0, 3: 1}),
        ("SUM([m1, m2])", {0: 11, 1: 22, 2: 30, 3: 4}),
        ("AVG(METRICS())", {0: 5.5, 1: 11, 2: 30, 3: 4}),
        ("MIN([m1, m2])", {0: 1, 1: 2, 2: 30, 3: 4}),
        ("MAX(METRICS('m2'))", {0: 10, 1: 20, 2: 30}),
        ("m1 / SUM(m1)", {0: 1 / 7, 1: 2 / 7, 3: 4 / 7}),
        ("m1 - MAX(m1)", {0: -3, 1: -2, 3: 0}),
        ("m1 * METRIC_COUNT(METRICS())", {0: 3, 1: 6, 3: 12}),
        ("DATAPOINT_COUNT(m1) + m1 * 0", {0: 3, 1: 3, 3: 3}),
        ("RATE(m1) * 60", {1: 1, 3: 1}),
        ("DIFF(m1)", {1: 1, 3: 2}),
        ("DIFF_TIME(m1)", {1: 60, 3: 120}),
        ("RUNNING_SUM(m1)", {0: 1, 1: 3, 3: 7}),
        ("m1 / PERIOD(m1)", {0: 1 / 60, 1: 2 / 60, 3: 4 / 60}),
        ("FILL(m1, 0)", {0: 1, 1: 2, 2: 0, 3: 4, 4: 0}),
        ("FILL(m1, REPEAT)", {0: 1, 1: 2, 2: 2, 3: 4, 4: 4}),
        ("FILL(m1, LINEAR)", {0: 1, 1: 2, 2: 3, 3: 4}),
        ("FILL(m1, m2)", {0: 1, 1: 2, 2: 30, 3: 4}),
        ("FILL(m3, 5)", {0: 5, 1: 5, 2: 5, 3: 5, 4: 5}),
        ("IF(m1 > 1, m1, 0)", {0: 0, 1: 2, 3: 4}),
        ("IF(m1 > 1, m1)", {1: 2, 3: 4}),
        ("IF(1 > 2, m1, m2)", {0: 10, 1: 20, 2: 30}),
        ("ABS(-m1)", {0: 1, 1: 2, 3: 4}),
        ("CEIL(m1 / 2)", {0: 1, 1: 1, 3: 2}),
        ("LOG10(m2 - 10)", {1: 1, 2: pytest.approx(1.30103)}),
        ("FIRST(METRICS())", {0: 1, 1: 2, 3: 4}),
        ("LAST(REMOVE_EMPTY(METRICS()))", {0: 10, 1: 20, 2: 30}),
        ("FIRST(SLICE(METRICS(), 1))", {0: 10, 1: 20, 2: 30}),
        ("TIME_SERIES(7)", {0: 7, 1: 7, 2: 7, 3: 7, 4: 7}),
        ("MINUTE(m1)", {0: 4, 1: 5, 3: 7}),
    ],
)
def test_metric_math(cbor: Ask, expression: str, expected: dict[int, float]) -> None:
    put(cbor, "m1", 1, 2, None, 4)
    put(cbor, "m2", 10, 20, 30)

    assert of_expression(cbor, expression) == pytest.approx(expected)


@pytest.mark.parametrize(
    "expression",
    [
        "CEIL(m1 * 1e999)",
        "FLOOR(m1 / 1e-300 * 1e300)",
        "m1 * 1e999 % 2",
        "STDDEV([m1 * 1e999])",
        "SUM(m1) ^ 9999 * m1",
        "(0 - m1) ^ 0.5",
        "TIME_SERIES(1e999)",
        "LOG(0 - m1)",
    ],
)
def test_what_has_no_value_is_a_gap(cbor: Ask, expression: str) -> None:
    put(cbor, "m1", 1, 2)
    assert of_expression(cbor, expression) == {}


def test_spans_without_bounds_are_read_and_not_filled(cbor: Ask) -> None:
    put(cbor, "m1", 1)
    ever = {"StartTime": MINUTE.replace(year=2), "EndTime": MINUTE.replace(year=9000)}
    [result] = get(cbor, metric("m1", period=60), **ever)
    assert result["Values"] == [1]
    for expression in ("FILL(m1, 0)", "FILL(m1, REPEAT)", "TIME_SERIES(1)"):
        _, text = error_of(cbor, metric("m1"), {"Id": "e", "Expression": expression}, **ever)
        assert "make at most 100,800 values" in text


def test_names_with_control_characters_are_refused(ask: Ask) -> None:
    named = {"MetricName": "m", "Value": 1}
    for namespace, datum in (
        ("a\x00", named),
        ("a", {**named, "MetricName": "m\x00"}),
        ("a", {**named, "Dimensions": [{"Name": "n", "Value": "\x00"}]}),
    ):
        error = ask("PutMetricData", Namespace=namespace, MetricData=[datum])["Error"]
        assert error["Code"] in ("InvalidParameterValue", "ValidationError")


def test_expressions_may_use_each_other_and_lists_give_several_results(ask: Ask) -> None:
    put(ask, "m1", 1)
    put(ask, "m2", 2)

    results = get(
        ask,
        metric("m1", "m1"),
        metric("m2", "m2"),
        {"Id": "sum", "Expression": "m1 + m2", "Label": "both"},
        {"Id": "twice", "Expression": "sum * 2"},
        {"Id": "all", "Expression": "METRICS() * 10"},
    )

    assert [(each["Id"], each["Label"], each["Values"]) for each in results[2:]] == [
        ("sum", "both", [3]),
        ("twice", "twice", [6]),
        ("all", "m1", [10]),
        ("all", "m2", [20]),
    ]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("m1 +", "it ends too early"),
        ("m1 m2", "'m2' is not expected"),
        ("(m1", "')' is missing"),
        ("m1 $ 2", "'$ 2' is not understood"),
        ("m9", "there is no query with the id m9"),
        ("e", "depends on itself"),
        ("1 + 1", "it is a number, not a metric"),
        ("'text'", "it is a text"),
        ("METRICS() + METRICS()", "does not take two lists"),
        ("NOTHING(m1)", "there is no function NOTHING"),
        ("SUM(1)", "SUM takes a list of metrics or one metric"),
        ("SUM(m1, m1)", "SUM takes one argument"),
        ("FILL(m1)", "FILL takes"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "ANOMALY_DETECTION_BAND of metric math is not supported by the emulator"),
        ("SELECT(m1)", "SELECT of metric math is not supported"),
        ("SELECT AVG(CPUUtilization) FROM x", "'AVG' is not expected"),
        ("SEARCH('x')", "SEARCH takes"),
        ("SEARCH('{a', 'Average', 60)", "Error in SEARCH expression"),
        ("SEARCH('x', 'Median', 60)", "Median"),
        ("(" * 60 + "m1" + ")" * 60, "nested too deeply"),
        ("m1" + "+1" * 1000, "nested too deeply"),
    ],
)
def test_expressions_that_cannot_be_evaluated_are_refused_by_name(cbor: Ask, expression: str, text: str) -> None:
    code, message = error_of(cbor, metric("m1", "m1"), {"Id": "e", "Expression": expression})

    assert code in ("ValidationError", "InvalidParameterValue")
    assert text in message


@pytest.mark.parametrize(
    ("queries", "text"),
    [
        ([metric("a", "M1")], "not matching the expected pattern"),
        ([metric("a"), metric("b")], "m1 comes twice"),
        ([{"Id": "m1"}], "either MetricStat or Expression"),
        ([metric("a", Expression="m1")], "either MetricStat or Expression"),
        ([metric("a", Period=60)], "goes with an Expression"),
        ([metric("a", AccountId="111122223333")], "no linked accounts"),
        ([metric("a", stat="tm90")], "tm90 is not supported"),
        ([metric("a", Label="${FIRST_TIME}")], "${FIRST_TIME} in a label is not supported"),
    ],
)
def test_queries_that_break_a_rule_are_refused(ask: Ask, queries: list[dict[str, Any]], text: str) -> None:
    put(ask, "a", 1)
    assert text in error_of(ask, *queries)[1]


def test_labels_are_filled_in(cbor: Ask) -> None:
    put(cbor, "a", 1, 3)
    label = "${PROP('MetricName')} ${PROP('Stat')} of ${PROP('Region')}: ${AVG} (${LAST})"
    assert get(cbor, metric("a", Label=label))[0]["Label"] == "a Average of us-east-1: 2 (3)"


# --- SEARCH, in the forms found in use ---


def hosts(api: Api, *names: str) -> None:
    from processing_emulator.domain.usage import UsageSample, UsageScale, usage_data
    from tests.builders import a_key

    for name in names:
        job, host = name.split("/")
        sample = UsageSample(at=MINUTE, cpu_percent=10.0, memory_bytes=1, disk_bytes=1)
        api.metrics.put(list(usage_data(a_key(job), host, sample, UsageScale(4, 4))))


def found(ask: Ask, search: str, rest: str = "'Average', 60", **changes: Any) -> set[str]:
    expression = {"Id": "e", "Expression": f"SEARCH('{search}', {rest})"}
    return {each["Label"] for each in get(ask, expression, **changes)}


@pytest.mark.parametrize(
    ("search", "rest"),
    [
        (f'{{{NAMESPACE},Host}} Host="train-2026/algo-1"', "'Average', 60"),
        (f"{{{NAMESPACE},Host}} Host=train-2026/algo-1", "'Average', 60"),
        (f"{{{NAMESPACE},Host}} train-2026", "'Maximum'"),
    ],
)
def test_searches_of_real_clients_find_the_metrics_of_a_host(api: Api, ask: Ask, search: str, rest: str) -> None:
    hosts(api, "train-2026/algo-1", "other/algo-1")

    results = get(ask, {"Id": "e", "Expression": f"SEARCH('{search}', {rest})"})

    assert {(each["Id"], each["Label"], each["StatusCode"]) for each in results} == {
        ("e", name, "Complete") for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization")
    }
    assert all(len(each["Values"]) == 1 for each in results)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("Host=a-1/algo-1 MetricName=CPUUtilization", {"CPUUtilization"}),
        ('MetricName="CPUUtilization"', {"a-1/algo-1", "a-1/algo-2", "a-10/algo-1"}),
        ("MetricName=cpu", {"a-1/algo-1", "a-1/algo-2", "a-10/algo-1"}),
        ('MetricName="CPU"', set()),
        ("CPUUtilization algo-2", {"CPUUtilization"}),
        ("CPUUtilization (algo-2 OR a-10)", {"a-1/algo-2", "a-10/algo-1"}),
        ("CPUUtilization NOT algo-1", {"CPUUtilization"}),
        ('CPUUtilization Host=("a-1/algo-1" OR "a-10/algo-1")', {"a-1/algo-1", "a-10/algo-1"}),
        ("Host=nothing", set()),
    ],
)
def test_searches_by_terms(api: Api, cbor: Ask, terms: str, expected: set[str]) -> None:
    hosts(api, "a-1/algo-1", "a-1/algo-2", "a-10/algo-1")

    labels = {label.removesuffix(" CPUUtilization") for label in found(cbor, f"{{{NAMESPACE},Host}} {terms}")}
    assert labels == expected


def test_a_search_names_exactly_the_dimensions(api: Api, cbor: Ask) -> None:
    hosts(api, "a/algo-1")
    assert found(cbor, f"{{{NAMESPACE},Host,Zone}} a") == set()
    assert found(cbor, f"{{{NAMESPACE}}} a", "'Average', 60") != set()
    assert found(cbor, "{Other,Host} a") == set()


def test_a_search_may_be_summed_up(api: Api, cbor: Ask) -> None:
    hosts(api, "a/algo-1", "a/algo-2")
    [result] = get(
        cbor, {"Id": "e", "Expression": f"SUM(SEARCH('{{{NAMESPACE},Host}} a CPUUtilization', 'Average', 60))"}
    )
    assert result["Values"] == [20]


def test_a_search_says_when_it_finds_more_than_it_returns(cbor: Ask) -> None:
    data = [{"MetricName": f"m{n}", "Timestamp": MINUTE, "Value": 1} for n in range(101)]
    cbor("PutMetricData", Namespace="space", MetricData=data)
    answer = cbor(
        "GetMetricData", MetricDataQueries=[{"Id": "e", "Expression": "SEARCH('{space} m', 'Average', 60)"}], **SPAN
    )
    assert len(answer["MetricDataResults"]) == 100
    assert answer["Messages"][0]["Code"] == "MaxMetricsExceeded"
