"""The log of a real container in CloudWatch Logs, read while it runs and afterwards."""

import json
import re
import time
import urllib.request

import pytest

from tests.builders import a_request
from tests.e2e.sdk_logs import GROUP, AwsLogsTailPoller, SageMaker2LogPoller, SageMaker3LogPoller
from tests.e2e.server import RUN_CODE, TERMINAL, EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

PROGRAM = r"""
import sys, time, traceback
def out(text): sys.stdout.write(text); sys.stdout.flush()
for number in range(200):
    out(f"line {number}\n")
out("".join(f" {percent}%\r" for percent in range(0, 101, 10)) + "\n")
out("x" * 20_000 + "\n\n\n")
time.sleep(0.3)
def fail(depth):
    if depth: fail(depth - 1)
    raise KeyError("deep")
try:
    fail(3)
except KeyError:
    sys.stderr.write(traceback.format_exc()); sys.stderr.flush()
time.sleep(3)
out("  after a pause\n")
out("\tcolumn\n")
out("last")
"""


def test_30_sdk_pollers_print_every_event_once_and_in_order(server: EmulatorProcess) -> None:
    name = "Log-1"
    code = server.stage_code(name, PROGRAM)
    server.client("sagemaker").create_processing_job(**a_request(name, entrypoint=RUN_CODE, inputs=[code]))
    logs = server.client("logs")
    pollers = (SageMaker2LogPoller(logs, name), SageMaker3LogPoller(logs, name), AwsLogsTailPoller(logs, name))
    rounds, deadline = 0, time.monotonic() + 90

    status = ""
    while status not in TERMINAL:
        status = server.describe(name)["ProcessingJobStatus"]
        for poller in pollers:
            poller.poll()
        rounds += bool(pollers[0].printed)
        assert time.monotonic() < deadline

    assert rounds > 1, "no events were read while it ran"
    for poller in pollers:
        _check(poller.printed)
    afterwards = SageMaker2LogPoller(logs, name)
    afterwards.poll()
    assert all(afterwards.printed == poller.printed for poller in pollers)
    query_id = logs.start_query(
        logGroupName=GROUP,
        startTime=0,
        endTime=int(time.time()) + 60,
        queryString=f"filter @logStream like '{name}/' and @message like /^line/ | stats count(*) as lines",
    )["queryId"]
    rows = wait_for("the query to end", lambda: logs.get_query_results(queryId=query_id)["results"] or None, 20)
    assert rows == [[{"field": "lines", "value": "200"}]]


def test_live_tail_shows_a_job_while_it_prints(server: EmulatorProcess) -> None:
    server.client("sagemaker").create_processing_job(**a_request("Before-1", entrypoint=["echo", "before"]))
    server.wait_for_end("Before-1")
    logs = server.client("logs", inject_host_prefix=False)
    [group] = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    stream = logs.start_live_tail(
        logGroupIdentifiers=[group["logGroupArn"]], logStreamNamePrefixes=["Tailed-1/"], logEventFilterPattern="%[13]$%"
    )["responseStream"]
    server.client("sagemaker").create_processing_job(**a_request("Tailed-1", entrypoint=["seq", "4"]))

    shown: list[str] = []
    for event in stream:
        shown += [result["message"] for result in event.get("sessionUpdate", {}).get("sessionResults", [])]
        if len(shown) == 2:
            break
    stream.close()

    assert shown == ["1", "3"]


def test_following_a_job_gives_the_same_events_until_it_ends(server: EmulatorProcess) -> None:
    code = server.stage_code("Follow-1", PROGRAM)
    server.client("sagemaker").create_processing_job(**a_request("Follow-1", entrypoint=RUN_CODE, inputs=[code]))

    with urllib.request.urlopen(f"{server.url}/_emulator/jobs/Follow-1/logs?follow=1", timeout=90) as answer:
        followed = [json.loads(line)["message"] for line in answer]

    assert server.describe("Follow-1")["ProcessingJobStatus"] in TERMINAL
    _check(followed)


def _check(printed: list[str]) -> None:
    assert printed[:199] == [f"line {number}" for number in range(199)]
    last_line, progress = printed[199].split("\n")  # it starts with a space, so it continues the previous event
    assert last_line == "line 199"
    assert progress == "".join(f" {percent}%#015" for percent in range(0, 101, 10))
    assert [len(piece) for piece in printed[200:202]] == [16_384, 20_000 - 16_384]
    trace, error = printed[202:204]
    assert trace.startswith('Traceback (most recent call last):\n  File "')
    assert trace.count("\n  File ") == 5
    assert error == "KeyError: 'deep'"
    assert printed[204:] == ["  after a pause", "#011column", "last"]


def test_stream_name_has_the_start_time_of_the_job(server: EmulatorProcess) -> None:
    request = a_request("Named-1", entrypoint=["echo", "hello"])
    server.client("sagemaker").create_processing_job(**request)
    started = server.wait_for_end("Named-1")["ProcessingStartTime"]

    [stream] = server.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="Named-1/"
    )["logStreams"]

    assert stream["logStreamName"] == f"Named-1/algo-1-{int(started.timestamp())}"
    assert re.fullmatch(r"[0-9]{13}", str(stream["lastEventTimestamp"]))
