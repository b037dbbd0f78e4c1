"""Create, describe and stop, on the store in memory."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from processing_emulator.domain.job import JobFacts, JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.errors import (
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotStoppable,
    QuotaExceeded,
    StoreFailure,
    ValidationFailed,
)
from processing_emulator.jobs.quotas import TOTAL
from processing_emulator.jobs.service import JobService
from tests.builders import a_key, a_request
from tests.fakes.job_store import MemoryJobStore
from tests.unit.jobs.job_requests import START, Api


def test_create_stores_a_pending_job_and_wakes_the_engine() -> None:
    api = Api()

    job = api.service.create(a_key("Job"), a_request("Job"))

    assert job.phase is JobPhase.PENDING
    assert job.created_at == job.modified_at == START
    assert api.store.list_unfinished() == [job]
    assert len(api.wakeup.added) == 1


def test_create_stores_the_request_as_it_came_and_tags_apart() -> None:
    api = Api()
    request = a_request(Tags=[{"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}])

    job = api.service.create(a_key(), request)

    assert job.request == {name: value for name, value in request.items() if name != "Tags"}
    assert api.store.list_tags(job.id) == {"team": "a", "empty": ""}
    assert len(request["Tags"]) == 2


def test_second_create_with_same_name_names_the_arn_and_does_not_wake_the_engine() -> None:
    api = Api()
    api.service.create(a_key("Job-A"), a_request("Job-A"))

    with pytest.raises(JobNameInUse) as refusal:
        api.service.create(a_key("job-a"), a_request("job-a"))

    assert str(refusal.value) == (
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        "(arn:aws:sagemaker:us-east-1:000000000000:processing-job/job-a)"
    )
    assert len(api.wakeup.added) == 1
    assert len(api.store.list_unfinished()) == 1


def test_create_with_a_name_that_is_used_in_another_account_or_region_succeeds() -> None:
    api = Api()

    for key in (a_key(), a_key(account="111122223333"), a_key(region="eu-west-1")):
        api.service.create(key, a_request())

    assert len(api.wakeup.added) == 3


def test_refused_create_leaves_nothing_behind() -> None:
    api = Api()

    with pytest.raises(ValidationFailed):
        api.service.create(a_key(), a_request(image=""))

    assert api.store.list_unfinished() == []
    assert len(api.wakeup.added) == 0


def test_create_that_cannot_be_stored_does_not_wake_the_engine() -> None:
    api = Api()
    api.store.go_down()

    with pytest.raises(StoreFailure):
        api.service.create(a_key(), a_request())

    assert len(api.wakeup.added) == 0


def test_describe_of_an_unknown_job_says_so() -> None:
    api = Api()
    api.service.create(a_key("Job"), a_request("Job"))

    with pytest.raises(JobNotFound, match=r"^Could not find requested job with name: other$"):
        api.service.describe(a_key("other"))


def test_stop_shows_as_stopping_at_once_and_wakes_the_engine() -> None:
    api = Api()
    job = api.service.create(a_key(), a_request())

    api.service.stop(a_key())

    assert api.service.describe(a_key()).status is ProcessingJobStatus.STOPPING
    assert api.wakeup.stopped == [job.id]


def test_stop_of_an_unknown_job_says_so() -> None:
    api = Api()

    with pytest.raises(JobNotFound, match=r"^Could not find requested job with name: job$"):
        api.service.stop(a_key())

    assert api.wakeup.stopped == []


@pytest.mark.parametrize("phase", [phase for phase in JobPhase if phase.is_terminal])
def test_stop_of_a_finished_job_names_its_status(phase: JobPhase) -> None:
    api = Api()
    job = api.move(api.service.create(a_key(), a_request()), phase)

    with pytest.raises(JobNotStoppable) as refusal:
        api.service.stop(a_key())

    assert str(refusal.value) == f"The request was rejected because the processing job is in status {job.status}."
    assert api.wakeup.stopped == []
    assert api.service.describe(a_key()) == job


def test_second_stop_is_refused_because_the_job_is_stopping() -> None:
    api = Api()
    job = api.service.create(a_key(), a_request())
    api.service.stop(a_key())

    with pytest.raises(JobNotStoppable, match=r"is in status Stopping\.$"):
        api.service.stop(a_key())

    assert api.wakeup.stopped == [job.id]


@pytest.mark.parametrize("phase", [phase for phase in JobPhase if phase.is_terminal])
def test_a_job_that_has_ended_can_be_deleted_and_its_name_used_again(phase: JobPhase) -> None:
    api = Api()
    first = api.move(api.service.create(a_key("Job"), a_request("Job")), phase)

    api.service.delete(a_key("Job"))

    with pytest.raises(JobNotFound, match="Could not find requested job with name: Job"):
        api.service.describe(a_key("Job"))
    assert api.service.create(a_key("job"), a_request("job")).id != first.id


def test_the_deletion_of_a_kept_job_is_told_to_who_removes_what_it_has_left() -> None:
    api, told = Api(), list[str]()
    service = JobService(
        store=api.store, clock=api.clock, wakeup=api.wakeup, on_kept_job_deleted=lambda: told.append("deleted")
    )
    for name, kept_until in (("other", None), ("kept", START + timedelta(hours=1))):
        job = service.create(a_key(name), a_request(name))
        api.move(job, JobPhase.FAILED, JobFacts(kept_until=kept_until))
        service.delete(a_key(name))
        assert told == (["deleted"] if name == "kept" else [])


@pytest.mark.parametrize("stopping", [False, True])
def test_a_job_that_has_not_ended_is_not_deleted(stopping: bool) -> None:
    api = Api()
    api.service.create(a_key(), a_request())
    if stopping:
        api.service.stop(a_key())

    with pytest.raises(JobNotDeletable, match="in status Stopping" if stopping else "in status InProgress"):
        api.service.delete(a_key())
    assert not api.service.describe(a_key()).phase.is_terminal


class _Racing(MemoryJobStore):
    """Does something else right before a stop request or a deletion is stored, as another request or the engine may."""

    first: Callable[[JobId], object] = staticmethod(lambda _job_id: None)

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """See the port."""
        self.first(job_id)
        return super().request_stop(job_id, at)

    def delete(self, job_id: JobId, at: datetime) -> None:
        """See the port."""
        try:
            super().delete(job_id, at)
        finally:
            self.first(job_id)


def test_a_job_that_ends_while_its_deletion_is_refused_is_described_by_the_status_it_had() -> None:
    store = _Racing()
    api = Api(store)
    job = api.service.create(a_key(), a_request())
    store.first = lambda _job_id: api.move(job, JobPhase.STOPPED)

    with pytest.raises(JobNotDeletable, match="in status InProgress; only jobs that are Completed"):
        api.service.delete(a_key())


def test_a_job_that_a_reset_takes_away_meanwhile_is_not_found_by_its_name() -> None:
    store = _Racing()
    api = Api(store)
    api.service.create(a_key(), a_request())
    store.first = lambda _job_id: store.clear()

    with pytest.raises(JobNotFound, match="Could not find requested job with name: job"):
        api.service.stop(a_key())
    assert api.wakeup.stopped == []


def test_a_job_that_does_not_exist_is_not_deleted() -> None:
    with pytest.raises(JobNotFound, match="Could not find requested job with name: nope"):
        Api().service.delete(a_key("nope"))


def test_a_job_is_found_whatever_the_case_of_its_name() -> None:
    """Clients take the name from the end of an ARN, which is lower-case."""
    api = Api()
    job = api.service.create(a_key("My-Job"), a_request("My-Job"))

    assert api.service.describe(a_key("my-job")) == job
    assert api.service.describe(a_key("MY-JOB")).key.name == "My-Job"
    api.service.stop(a_key("my-job"))
    assert api.wakeup.stopped == [job.id]
    api.move(api.service.describe(a_key("My-Job")), JobPhase.STOPPED)
    api.service.delete(a_key("MY-JOB"))
    with pytest.raises(JobNotFound):
        api.service.describe(a_key("My-Job"))


def test_a_quota_counts_jobs_that_were_just_created() -> None:
    api = Api(quotas={TOTAL: 1})
    job = api.service.create(a_key("a"), a_request("a"))

    with pytest.raises(QuotaExceeded):
        api.service.create(a_key("b"), a_request("b"))

    assert api.wakeup.added == [job.id]
