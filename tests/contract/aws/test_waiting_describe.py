"""DescribeProcessingJob with the header X-Processing-Emulator-Wait: the answer comes when the job's state changes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from processing_emulator.aws.gateway import OPERATIONS_AT_ONCE
from processing_emulator.aws.http.held_reply import WAIT_HEADER, seconds_to_wait
from processing_emulator.domain.job import JobEvent, JobFacts, JobKey
from processing_emulator.domain.phase import JobPhase
from processing_emulator.jobs.changes import JobChanges
from tests.builders import a_request
from tests.contract.aws.live_server import a_client, serving
from tests.fakes.job_store import MemoryJobStore
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import START, Api
from tests.waiting import wait_for

WAITERS = 3 * OPERATIONS_AT_ONCE
SOON_SECONDS = 10.0
"""Far less than the waits that the clients ask for, far more than a loaded machine needs."""


class WatchedStore(MemoryJobStore):
    """Counts looks at jobs, and whether anybody follows the feed."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.followers = 0

    def find(self, key: JobKey) -> Any:
        """See the port."""
        found = super().find(key)
        self.looks += 1
        return found

    def on_new_events(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See the port."""
        stop = super().on_new_events(wake)
        self.followers += 1

        def leave() -> None:
            self.followers -= 1
            stop()

        return leave


@dataclass
class Waiting:
    """A server, and clients that wait."""

    api: Api
    store: WatchedStore
    changes: JobChanges
    threads: ThreadPoolExecutor
    client: Any
    patient: Any
    seconds: str = "20"

    def __post_init__(self) -> None:
        self.patient.meta.events.register(
            "before-call.sagemaker.DescribeProcessingJob",
            lambda params, **_: params["headers"].update({WAIT_HEADER: self.seconds}),
        )

    def describe(self, name: str = "job") -> "Future[dict[str, Any]]":
        return self.threads.submit(self.patient.describe_processing_job, ProcessingJobName=name)

    def describe_and_wait(self, name: str = "job") -> "Future[dict[str, Any]]":
        """A request that waits: it has looked at the job twice."""
        looks = self.store.looks
        answer = self.describe(name=name)
        wait_for("the request to wait", lambda: self.store.looks >= looks + 2 or None)
        return answer


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    store = WatchedStore()
    api = Api(store)
    changes = JobChanges(store)
    with serving(app_over(api, changes=changes)) as url, ThreadPoolExecutor(WAITERS) as threads:
        client = a_client(url)
        client.create_processing_job(**a_request("job"))
        yield Waiting(api, store, changes, threads, client, a_client(url))
        changes.close()


def the_job(waiting: Waiting) -> Any:
    return waiting.store.list_unfinished()[0]


def status_of(answer: "Future[dict[str, Any]]") -> str:
    status: str = answer.result(SOON_SECONDS)["ProcessingJobStatus"]
    return status


def test_answers_when_the_phase_changes(waiting: Waiting) -> None:
    answer = waiting.describe_and_wait()
    waiting.store.add_event(the_job(waiting).id, JobEvent(at=START, action="waiting"))
    assert not answer.done()
    waiting.api.move(the_job(waiting), JobPhase.PULLING)
    assert "ProcessingStartTime" in answer.result(SOON_SECONDS)


def test_answers_when_a_stop_is_requested(waiting: Waiting) -> None:
    answer = waiting.describe_and_wait()
    waiting.client.stop_processing_job(ProcessingJobName="job")
    assert status_of(answer) == "Stopping"


def test_answers_at_once_about_a_job_that_has_ended(waiting: Waiting) -> None:
    waiting.api.move(the_job(waiting), JobPhase.COMPLETED)
    assert status_of(waiting.describe()) == "Completed"


def test_answers_at_the_time_limit_with_the_state_it_began_with(waiting: Waiting) -> None:
    began = time.monotonic()
    waiting.seconds = "0.2"
    assert status_of(waiting.describe()) == "InProgress"
    assert time.monotonic() - began >= 0.2


def test_many_wait_and_others_are_served_meanwhile(waiting: Waiting) -> None:
    answers = [waiting.describe() for _ in range(WAITERS)]
    wait_for("all to wait", lambda: waiting.store.looks >= 2 * WAITERS or None)
    assert len(waiting.client.list_processing_jobs()["ProcessingJobSummaries"]) == 1
    assert waiting.store.followers == 1
    waiting.api.move(the_job(waiting), JobPhase.PULLING)
    assert all("ProcessingStartTime" in answer.result(SOON_SECONDS) for answer in answers)
    wait_for("nobody to follow the feed", lambda: waiting.store.followers == 0 or None)


def test_changes_of_other_jobs_do_not_end_or_repeat_it(waiting: Waiting) -> None:
    waiting.client.create_processing_job(**a_request("other"))
    answer, other = waiting.describe_and_wait(), waiting.describe_and_wait("other")
    looks = waiting.store.looks
    waiting.api.move(the_job(waiting), JobPhase.PULLING)
    answer.result(SOON_SECONDS)
    assert not other.done()
    assert waiting.store.looks == looks + 1


@pytest.mark.parametrize("end", [JobChanges.end_waits, JobChanges.close])
def test_a_reset_and_the_end_of_the_server_end_it(waiting: Waiting, end: Callable[[JobChanges], None]) -> None:
    answer = waiting.describe_and_wait()
    threading.Thread(target=end, args=(waiting.changes,)).start()
    assert status_of(answer) == "InProgress"


def test_a_job_that_is_gone_meanwhile_is_not_found(waiting: Waiting) -> None:
    answer = waiting.describe_and_wait()
    job = the_job(waiting)
    ended = waiting.store.advance(job.id, job.phase, JobPhase.STOPPED, START, JobFacts(ended_at=START))
    waiting.store.delete(ended.id, START)
    with suppress(ClientError):  # the request may have been faster than the deletion
        assert status_of(answer) == "Stopped"
    with pytest.raises(ClientError, match="Could not find requested job"):
        waiting.describe().result(SOON_SECONDS)


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_refuses_what_is_no_time(waiting: Waiting, text: str) -> None:
    waiting.seconds = text
    with pytest.raises(ClientError, match="must be a number of seconds"):
        waiting.describe().result(SOON_SECONDS)


@pytest.mark.parametrize(("asked", "granted"), [("3", 3.0), ("3600", 20.0), ("inf", 20.0)])
def test_nobody_is_held_for_more_than_twenty_seconds(asked: str, granted: float) -> None:
    assert seconds_to_wait({b"x-processing-emulator-wait": asked}) == granted
