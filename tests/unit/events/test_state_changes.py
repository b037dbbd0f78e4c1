"""The state changes of jobs as EventBridge gets them (spec 5.5, P-D15)."""

from typing import Any

from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of
from processing_emulator.domain.job import JobEvent, JobFacts
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import InstanceChoice
from processing_emulator.events.state_changes import StateChanges
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to
from tests.fakes.job_store import MemoryJobStore

NOW_MS = 1767323045678


def changes_of(store: MemoryJobStore) -> list[dict[str, Any]]:
    return [dict(change.event) for change in StateChanges(store, description_of).after(0, 100).changes]


def test_a_failed_job_is_told_in_the_service_s_form() -> None:
    store = MemoryJobStore()
    job = store.add(a_key("Job", account="111122223333"), a_request("Job"), {"team": "a"}, NOW)
    store.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(1), JobFacts(started_at=later(1)))
    store.advance(
        job.id,
        JobPhase.PULLING,
        JobPhase.FAILED,
        later(2.5),
        JobFacts(ended_at=later(2.25), failure_reason="AlgorithmError: , exit code: 1", exit_message="boom"),
    )

    created, started, ended = changes_of(store)

    arn = "arn:aws:sagemaker:us-east-1:111122223333:processing-job/job"
    described = dict(description_of(store.get(job.id)))
    assert ended == {
        "version": "0",
        "id": ended["id"],
        "detail-type": "SageMaker Processing Job State Change",
        "source": "aws.sagemaker",
        "account": "111122223333",
        "time": "2026-01-02T03:04:08Z",
        "region": "us-east-1",
        "resources": [arn],
        "detail": {
            **described,
            "ProcessingJobName": "Job",
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": "Failed",
            "FailureReason": "AlgorithmError: , exit code: 1",
            "ExitMessage": "boom",
            "CreationTime": NOW_MS,
            "ProcessingStartTime": NOW_MS + 1000,
            "ProcessingEndTime": NOW_MS + 2250,
            "LastModifiedTime": NOW_MS + 2500,
        },
    }
    assert all(isinstance(value, int) for name, value in ended["detail"].items() if name.endswith("Time"))
    assert created["detail"]["ProcessingJobStatus"] == started["detail"]["ProcessingJobStatus"] == "InProgress"
    assert {"ProcessingStartTime", "ProcessingEndTime", "FailureReason"}.isdisjoint(created["detail"])
    assert started["detail"]["LastModifiedTime"] == started["detail"]["ProcessingStartTime"] == NOW_MS + 1000
    assert "ProcessingEndTime" not in started["detail"]
    assert len({event["id"] for event in (created, started, ended)}) == 3


def test_each_change_of_status_is_told_and_phases_between_are_not() -> None:
    store = MemoryJobStore()
    move_to(store, add_job(store, "done"), JobPhase.COMPLETED)
    stopped = move_to(store, add_job(store, "stopped"), JobPhase.RUNNING)
    store.request_stop(stopped.id, later(1))
    store.advance(stopped.id, JobPhase.RUNNING, JobPhase.STOPPING, later(2))
    store.advance(stopped.id, JobPhase.STOPPING, JobPhase.STOPPED, later(3), JobFacts(ended_at=later(3)))
    store.delete(stopped.id, later(4))

    told = [
        (event["detail"]["ProcessingJobName"], event["detail"]["ProcessingJobStatus"]) for event in changes_of(store)
    ]

    assert told == [
        ("done", "InProgress"),
        ("done", "InProgress"),
        ("done", "Completed"),
        ("stopped", "InProgress"),
        ("stopped", "InProgress"),
        ("stopped", "Stopping"),
        ("stopped", "Stopping"),
        ("stopped", "Stopped"),
    ]


def test_a_page_continues_where_the_one_before_ended_whatever_else_was_stored() -> None:
    store = MemoryJobStore()
    for number in range(70):
        job = add_job(store, f"job-{number}")
        for step in range(10):
            store.add_event(job.id, JobEvent(at=later(step), action="progress"))
        move_to(store, job, JobPhase.COMPLETED)
    changes = StateChanges(store, description_of)

    place, seen, sizes = 0, [], []
    while page := changes.after(place, 100):
        if not page.changes:
            break
        seen += [change.event["id"] for change in page.changes]
        sizes.append(len(page.changes))
        place = page.next

    assert sizes == [100, 100, 10]
    assert len(set(seen)) == 210
    assert seen == [change.event["id"] for change in changes.after(0, 1000).changes]


def test_what_was_selected_shows_once_it_is_known() -> None:
    store = MemoryJobStore()
    job = add_job(store)
    store.select(job.id, InstanceChoice(instance_type="ml.m5.xlarge", count=1))
    move_to(store, job, JobPhase.PULLING)

    created, started = (event["detail"]["ProcessingResources"]["ClusterConfig"] for event in changes_of(store))

    assert "SelectedInstanceType" not in created
    assert started["SelectedInstanceType"] == "ml.m5.xlarge"


def test_a_reset_removes_the_events_and_places_go_on() -> None:
    store = MemoryJobStore()
    add_job(store)
    changes = StateChanges(store, description_of)
    place = changes.after(0, 10).next
    store.clear()
    add_job(store)

    page = changes.after(place, 10)

    assert [change.event["detail"]["ProcessingJobName"] for change in page.changes] == ["job"]
    assert page.next > place
