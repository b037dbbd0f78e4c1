"""Logs Insights through boto3: start a query, poll until it has ended, read the rows."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import LogNotFound, TooManyQueries, ValidationFailed
from processing_emulator.logs.queries import MOST_KEPT, MOST_RUNNING, LogQueries, QueryBounds, QueryRequest
from processing_emulator.ports import LogStream
from tests.contract.aws.live_server import a_client
from tests.contract.aws.served_operations import Served, refusal_of
from tests.contract.aws.test_boto3_logs import AT, GROUP, NO_GROUP, logs, printed
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.unit.jobs.job_requests import StepClock
from tests.unit.logs.test_writing import GROUP as APP_GROUP
from tests.unit.logs.test_writing import NOW_MS, Room
from tests.waiting import wait_for

__all__ = ["logs"]

TIMES = {"startTime": AT // 1000 - 60, "endTime": AT // 1000 + 60}


def finished(logs: Any, query_id: str, **page: Any) -> dict[str, Any]:
    """The answer once the query has ended."""

    def probe() -> dict[str, Any] | None:
        answer: dict[str, Any] = logs.get_query_results(queryId=query_id, **page)
        return None if answer["status"] in ("Scheduled", "Running") else answer

    return wait_for("the query to end", probe, 20)


def rows_of(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{item["field"]: item["value"] for item in row if item["field"] != "@ptr"} for row in answer["results"]]


def test_a_query_over_the_logs_of_jobs(served: Served, logs: Any) -> None:
    printed(served, "a", b"ERROR:__main__:one", b"INFO:__main__:two", b"no match")
    printed(served, "b", b"ERROR:__main__:three")
    query = """fields @message | parse @message "*:__main__:*" as level, text
        | filter level = "ERROR" | display @timestamp, @logStream, text | sort text"""

    query_id = logs.start_query(logGroupName=GROUP, queryString=query, **TIMES)["queryId"]
    answer = finished(logs, query_id)

    assert answer["status"] == "Complete"
    assert [row["text"] for row in rows_of(answer)] == ["one", "three"]
    assert rows_of(answer)[0]["@timestamp"] == "2027-01-15 08:00:00.000"
    assert rows_of(answer)[0]["@logStream"].startswith("a/algo-1-")
    assert all(row[-1]["field"] == "@ptr" for row in answer["results"])
    statistics = answer["statistics"]
    assert (statistics["recordsScanned"], statistics["recordsMatched"]) == (4, 2)
    listed = logs.describe_queries(logGroupName=GROUP, status="Complete")["queries"][0]
    assert (listed["queryId"], listed["queryString"], listed["logGroupName"]) == (query_id, query, GROUP)


def test_several_groups_and_times_in_milliseconds(served: Served, logs: Any) -> None:
    printed(served, "a", b"1", b"2")
    now = int(NOW_MS)
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[{"timestamp": now, "message": "3"}])

    query_id = logs.start_query(
        logGroupNames=[GROUP, "/app"],
        startTime=0,
        endTime=2**63 - 1,
        queryString="stats count(*) as n by @log | sort n",
    )["queryId"]

    assert rows_of(finished(logs, query_id)) == [
        {"@log": "000000000000:/app", "n": "1"},
        {"@log": f"000000000000:{GROUP}", "n": "2"},
    ]


def test_results_come_in_pages(served: Served, logs: Any) -> None:
    printed(served, "a", *(b"%d" % number for number in range(25)))
    query_id = logs.start_query(logGroupName=GROUP, queryString="fields @message | limit 23", **TIMES)["queryId"]

    sizes, token = [], None
    while True:
        answer = finished(logs, query_id, maxItems=10, **({"nextToken": token} if token else {}))
        sizes.append(len(answer["results"]))
        token = answer.get("nextToken")
        if token is None:
            break

    assert sizes == [10, 10, 3]
    assert refusal_of(logs.get_query_results, queryId=query_id, nextToken="x")[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"queryString": "fields @message | pattern x"}, "MalformedQueryException"),
        ({"queryString": "SELECT 1", "queryLanguage": "SQL"}, "MalformedQueryException"),
        ({"queryString": "limit 1", "logGroupName": "/other"}, "ResourceNotFoundException"),
        ({"queryString": "limit 1", "logGroupNames": [GROUP]}, "InvalidParameterException"),
        ({"queryString": "limit 1", "startTime": 9, "endTime": 8}, "InvalidParameterException"),
    ],
)
def test_wrong_queries_are_refused(served: Served, logs: Any, query: dict[str, Any], code: str) -> None:
    printed(served, "a", b"1")

    assert refusal_of(logs.start_query, **{"logGroupName": GROUP, **TIMES, **query})[0] == code


def test_queries_of_others_are_not_found(served: Served, logs: Any) -> None:
    printed(served, "a", b"1")
    query_id = logs.start_query(logGroupName=GROUP, queryString="limit 1", **TIMES)["queryId"]
    other = a_client(served.url, service="logs", access_key="111122223333")

    assert refusal_of(other.get_query_results, queryId=query_id)[0] == "ResourceNotFoundException"
    assert refusal_of(logs.get_query_results, queryId="nothing")[0] == "ResourceNotFoundException"
    assert query_id not in [query["queryId"] for query in other.describe_queries()["queries"]]
    assert finished(logs, query_id)["status"] == "Complete"
    assert refusal_of(logs.stop_query, queryId=query_id)[0] == "InvalidParameterException"
    assert refusal_of(other.start_query, logGroupName=GROUP, queryString="limit 1", **TIMES) == NO_GROUP


class HeldLogs(MemoryLogStore):
    """Searches begin once they are let go."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        super().__init__(jobs)
        self.let_go = threading.Event()

    def streams_between(
        self, group: LogGroupKey, prefix: str, start_ms: int, end_ms: int | None
    ) -> Sequence[LogStream]:
        """See the port."""
        self.let_go.wait(20)
        return super().streams_between(group, prefix, start_ms, end_ms)


REQUEST = QueryRequest(groups=[APP_GROUP], text="fields @message", start_ms=0, end_ms=2 * NOW_MS)


def test_a_query_can_be_stopped_and_only_so_many_run() -> None:
    store = HeldLogs(MemoryJobStore())
    store.create_group(APP_GROUP, 1, tags={})
    queries = LogQueries(store, StepClock())
    started = [queries.start(REQUEST) for _ in range(MOST_RUNNING)]
    with pytest.raises(TooManyQueries):
        queries.start(REQUEST)

    queries.stop(*APP_GROUP[:2], started[0].id)
    with pytest.raises(ValidationFailed, match="not running"):
        queries.stop(*APP_GROUP[:2], started[0].id)
    queries.start(REQUEST)
    store.let_go.set()

    wait_for("all to end", lambda: all(query.status != "Running" for query in started) or None, 20)
    assert [query.status for query in started] == ["Cancelled", *["Complete"] * (MOST_RUNNING - 1)]


@pytest.mark.parametrize(
    ("bounds", "status"),
    [(QueryBounds(seconds=-1), "Timeout"), (QueryBounds(result_bytes=5), "Failed"), (QueryBounds(), "Complete")],
)
def test_a_query_that_takes_too_much_ends(bounds: QueryBounds, status: str) -> None:
    room = Room()
    room.put(1, 2, 3)
    query = LogQueries(room.logs, room.clock, bounds).start(REQUEST)

    wait_for("the end", lambda: query.status != "Running" or None, 20)

    assert query.status == status
    assert bool(query.rows) is (status == "Complete")


def test_the_results_of_old_queries_are_forgotten() -> None:
    room = Room()
    queries = LogQueries(room.logs, room.clock)
    started = []
    for _ in range(MOST_KEPT + 3):
        started.append(queries.start(REQUEST))
        wait_for("the end", lambda: started[-1].status != "Running" or None, 20)

    assert len(queries.described(*APP_GROUP[:2])) == MOST_KEPT
    assert queries.find(*APP_GROUP[:2], started[-1].id) is started[-1]
    with pytest.raises(LogNotFound):
        queries.find(*APP_GROUP[:2], started[0].id)
