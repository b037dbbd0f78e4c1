"""CloudWatch as botocore speaks it in three protocols: the metrics of processing jobs (spec 5.4), lists, statistics."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from starlette.types import ASGIApp

from processing_emulator.domain.metrics import Datum as MetricDatum
from processing_emulator.domain.metrics import MetricKey, Statistics, Weighted, datum_of
from processing_emulator.domain.usage import UsageSample, UsageScale, usage_data
from tests.builders import a_key
from tests.contract.aws.botocore_side import botocore_model
from tests.unit.aws.asgi import call
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import START, Api

NAMESPACE = "/aws/sagemaker/ProcessingJobs"
MINUTE = START.replace(second=0, microsecond=0)
HOST = [{"Name": "Host", "Value": "job/algo-1"}]
GIB = 1024**3
PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")

Ask = Callable[..., dict[str, Any]]


def asking(app: ASGIApp, protocol: str) -> Ask:
    """What botocore makes of the answer to what botocore sends, in one protocol."""

    def ask(operation: str, **parameters: Any) -> dict[str, Any]:
        model = botocore_model("cloudwatch").operation_model(operation)
        sent = create_serializer(protocol).serialize_to_request(parameters, model)
        body = urlencode(sent["body"]).encode() if isinstance(sent["body"], dict) else sent["body"]
        headers = {"host": "localhost", **{name.lower(): value for name, value in sent["headers"].items()}}
        if protocol == "query":
            headers["content-type"] = "application/x-www-form-urlencoded"
        answer = call(app, method="POST", path=sent["url_path"], headers=tuple(headers.items()), body=body)
        response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
        result = create_parser(protocol).parse(response, model.output_shape)
        assert isinstance(result, dict)
        return result

    return ask


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture(params=PROTOCOLS)
def ask(api: Api, request: pytest.FixtureRequest) -> Ask:
    return asking(app_over(api), request.param)


def measured(api: Api, second: int, cpu: float, **figures: Any) -> None:
    """A sample of the host `job/algo-1` with 8 GiB and a volume of 4 GiB."""
    figures = {"memory_bytes": 2 * GIB, "disk_bytes": GIB, **figures}
    sample = UsageSample(at=MINUTE + timedelta(seconds=second), cpu_percent=cpu, **figures)
    api.metrics.put(list(usage_data(a_key("job"), "algo-1", sample, UsageScale(8 * GIB, 4 * GIB))))


def statistics(ask: Ask, name: str = "CPUUtilization", **changes: Any) -> list[dict[str, Any]]:
    asked = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": HOST,
        "StartTime": MINUTE,
        "EndTime": MINUTE + timedelta(minutes=5),
        "Period": 60,
        "Statistics": ["Average"],
    }
    given = {name: value for name, value in {**asked, **changes}.items() if value is not None}
    answer = ask("GetMetricStatistics", **given)
    assert answer["Label"] == name
    datapoints = answer["Datapoints"]
    assert isinstance(datapoints, list)
    return datapoints


def test_21_metrics_have_the_names_units_and_scales_of_the_service(api: Api, ask: Ask) -> None:
    for second, cpu in ((0, 100.0), (1, 300.0), (60, 50.0)):
        measured(api, second, cpu, gpu_percent=150.0, gpu_memory_percent=20.0)

    everything = statistics(ask, Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"])

    assert everything == [
        {
            "Timestamp": MINUTE,
            "SampleCount": 2,
            "Average": 200,
            "Sum": 400,
            "Minimum": 100,
            "Maximum": 300,
            "Unit": "Percent",
        },
        {
            "Timestamp": MINUTE + timedelta(minutes=1),
            "SampleCount": 1,
            "Average": 50,
            "Sum": 50,
            "Minimum": 50,
            "Maximum": 50,
            "Unit": "Percent",
        },
    ]
    others = {"MemoryUtilization": 25, "DiskUtilization": 25, "GPUUtilization": 150, "GPUMemoryUtilization": 20}
    for name, percent in others.items():
        assert [point["Average"] for point in statistics(ask, name)] == [percent, percent]


def test_lists_the_metrics_of_hosts_and_no_gpu_metrics_without_gpu(api: Api, ask: Ask) -> None:
    measured(api, 0, 1.0)

    for filters in ({}, {"Namespace": NAMESPACE, "Dimensions": HOST}, {"Dimensions": [{"Name": "Host"}]}):
        listed = ask("ListMetrics", **filters)["Metrics"]
        assert [metric["MetricName"] for metric in listed] == ["CPUUtilization", "MemoryUtilization", "DiskUtilization"]
        assert all((metric["Namespace"], metric["Dimensions"]) == (NAMESPACE, HOST) for metric in listed)
    assert len(ask("ListMetrics", MetricName="CPUUtilization", RecentlyActive="PT3H")["Metrics"]) == 1
    assert ask("ListMetrics", Namespace="AWS/EC2")["Metrics"] == []
    assert ask("ListMetrics", Dimensions=[{"Name": "Host", "Value": "job/algo-2"}])["Metrics"] == []


def test_a_metric_that_is_not_measured_any_more_vanishes_from_the_lists(api: Api, ask: Ask) -> None:
    for hours, name in ((4, "hours"), (15 * 24, "weeks")):
        key = MetricKey("000000000000", "us-east-1", "space", name)
        at_s = int((START - timedelta(hours=hours)).timestamp())
        api.metrics.put([datum_of(key, at_s, "None", [Weighted(1.0, 1)])])

    assert [metric["MetricName"] for metric in ask("ListMetrics")["Metrics"]] == ["hours"]
    assert ask("ListMetrics", RecentlyActive="PT3H")["Metrics"] == []


def test_pages_of_500_cover_all_metrics(api: Api, ask: Ask) -> None:
    keys = [MetricKey("000000000000", "us-east-1", "space", f"m{number}") for number in range(1001)]
    at_s = int(START.timestamp())
    api.metrics.put([datum_of(key, at_s, "None", [Weighted(1.0, 1)]) for key in keys])

    names: list[str] = []
    token: dict[str, str] = {}
    sizes = []
    while True:
        page = ask("ListMetrics", Namespace="space", **token)
        names += [metric["MetricName"] for metric in page["Metrics"]]
        sizes.append(len(page["Metrics"]))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [key.name for key in keys]
    assert sizes == [500, 500, 1]
    wrong = ask("ListMetrics", Namespace="other", **token)
    assert wrong["Error"]["Code"] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        (timedelta(0), 1, [0, 1, 2, 61]),
        (timedelta(seconds=1), 1, [1, 2, 61]),
        (timedelta(seconds=7), 5, [60]),  # rounded down to second 5: 5, 10, ..., 60
        (timedelta(seconds=31), 60, [0, 60]),
        (timedelta(seconds=-61), 120, [-120, 0]),
        (timedelta(minutes=-5), 3600, [-300]),
    ],
)
def test_periods_begin_at_the_start_rounded_down(
    api: Api, ask: Ask, start: timedelta, period: int, expected: list[int]
) -> None:
    for second in (-70, 0, 1, 2, 61):
        measured(api, second, 1.0)

    found = statistics(ask, StartTime=MINUTE + start, Period=period)

    assert [int((point["Timestamp"] - MINUTE).total_seconds()) for point in found] == expected


def test_percentiles_come_from_the_values(api: Api, ask: Ask) -> None:
    for second in range(10):
        measured(api, second, float(10 * (second + 1)))

    [point] = statistics(ask, Statistics=None, ExtendedStatistics=["p50", "p90", "p100"])

    assert point["ExtendedStatistics"] == {"p50": 55, "p90": pytest.approx(91), "p100": 100}


def test_percentiles_are_refused_where_values_are_not_kept(api: Api, ask: Ask) -> None:
    key = MetricKey("000000000000", "us-east-1", NAMESPACE, "CPUUtilization", (("Host", "job/algo-1"),))
    at_s = int(MINUTE.timestamp())
    api.metrics.put([MetricDatum(key=key, at_s=at_s, unit="None", statistics=Statistics(3, 6, 1, 3), values=None)])
    measured(api, 61, 1.0)
    api.metrics.forget_seconds(at_s + 100, 1000)

    asked = {"Namespace": NAMESPACE, "MetricName": "CPUUtilization", "Dimensions": HOST, "Period": 60}
    for start in (MINUTE, MINUTE + timedelta(minutes=1)):
        answer = ask(
            "GetMetricStatistics",
            StartTime=start,
            EndTime=start + timedelta(minutes=1),
            ExtendedStatistics=["p50"],
            **asked,
        )
        assert answer["Error"]["Code"] == "ValidationError"
        assert "p50 needs the values themselves" in answer["Error"]["Message"]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"Period": 61}, "InvalidParameterValue", "The value 61 for parameter Period"),
        ({"Period": 86460}, "InvalidParameterValue", "must be less than or equal to 86400"),
        ({"EndTime": MINUTE}, "InvalidParameterCombination", "StartTime must be less than the parameter EndTime"),
        (
            {"Period": 1, "EndTime": MINUTE + timedelta(hours=1)},
            "InvalidParameterCombination",
            "up to 3,600 datapoints",
        ),
        ({"Statistics": None}, "MissingParameter", "Statistics or ExtendedStatistics"),
        ({"ExtendedStatistics": ["p9"]}, "InvalidParameterCombination", "cannot be in one request"),
        ({"Statistics": None, "ExtendedStatistics": ["p101"]}, "InvalidParameterValue", "p101"),
        ({"Statistics": None, "ExtendedStatistics": ["Average"]}, "InvalidParameterValue", "Average"),
        (
            {"Statistics": None, "ExtendedStatistics": ["tm99"]},
            "ValidationError",
            "tm99 is not supported by the emulator",
        ),
        ({"Statistics": ["Median"]}, "ValidationError", "Member must satisfy enum value set"),
        ({"Dimensions": HOST * 2}, "InvalidParameterValue", "more than once"),
    ],
)
def test_what_is_wrong_is_named(ask: Ask, changes: dict[str, Any], code: str, text: str) -> None:
    asked = {
        "Namespace": NAMESPACE,
        "MetricName": "CPUUtilization",
        "StartTime": MINUTE,
        "EndTime": MINUTE + timedelta(minutes=5),
        "Period": 60,
        "Statistics": ["Average"],
    }
    given = {name: value for name, value in {**asked, **changes}.items() if value is not None}

    error = ask("GetMetricStatistics", **given)["Error"]

    assert error["Code"] == code
    assert text in error["Message"]


def test_clients_of_cbor_and_json_learn_shape_and_code(api: Api) -> None:
    """Newer SDKs find their exception by the shape, and show the code of the query protocol."""
    headers = (
        ("host", "localhost"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "GraniteServiceVersion20100801.ListMetrics"),
    )
    answer = call(app_over(api), method="POST", path="/", headers=headers, body=b'{"NextToken":"x"}')

    assert answer.headers["x-amzn-query-error"] == "InvalidParameterValue;Sender"
    assert b'"__type":"InvalidParameterValueException"' in answer.body


def test_accounts_and_regions_have_their_own_metrics(api: Api, ask: Ask) -> None:
    other = MetricKey("111122223333", "us-east-1", NAMESPACE, "CPUUtilization", (("Host", "job/algo-1"),))
    elsewhere = other._replace(account="000000000000", region="eu-west-1")
    for key in (other, elsewhere):
        api.metrics.put([datum_of(key, int(MINUTE.timestamp()), "Percent", [Weighted(1.0, 1)])])

    assert ask("ListMetrics")["Metrics"] == []
    assert statistics(ask) == []


def test_old_starts_are_rounded_to_five_minutes_and_to_hours(api: Api, ask: Ask) -> None:
    now = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    for days, expected in ((20, 0), (70, 0)):
        start = (now - timedelta(days=days)).replace(minute=3)
        key = MetricKey("000000000000", "us-east-1", NAMESPACE, "CPUUtilization", (("Host", "job/algo-1"),))
        api.metrics.put([datum_of(key, int(start.timestamp()), "Percent", [Weighted(1.0, 1)])])
        [point] = statistics(ask, StartTime=start, EndTime=start + timedelta(minutes=9), Period=300)
        assert point["Timestamp"].minute == expected
