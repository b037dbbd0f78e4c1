"""A server over the store in memory, and what tests do through a real boto3 client of it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from processing_emulator.domain.job import JobFacts, JobKey, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from tests.builders import a_request
from tests.fakes.job_store import MemoryJobStore
from tests.unit.jobs.job_requests import START, Api


class EndsWhileWatched(MemoryJobStore):
    """Brings a job to an end after it was looked at a few times; the waiter's polls are the looks."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.end: JobPhase | None = None

    def find(self, key: JobKey) -> ProcessingJob | None:
        """See the port."""
        job = super().find(key)
        self.looks += 1
        if job is not None and self.end is not None and self.looks == 3:
            return self.advance(job.id, job.phase, self.end, START, JobFacts(ended_at=START))
        return job


class Served:
    """A server over an empty store, and a client of it."""

    def __init__(self, api: Api, store: EndsWhileWatched, url: str, client: Any) -> None:
        self.api = api
        self.store = store
        self.url = url
        self.client = client

    def create(self, name: str = "job", **changes: Any) -> str:
        """Create a job through the client; its ARN."""
        arn = self.client.create_processing_job(**a_request(name, **changes))["ProcessingJobArn"]
        assert isinstance(arn, str)
        return arn

    def describe(self, name: str = "job") -> dict[str, Any]:
        """Describe it through the client, without ResponseMetadata."""
        description = self.client.describe_processing_job(ProcessingJobName=name)
        del description["ResponseMetadata"]
        assert isinstance(description, dict)
        return description

    def names(self, **filters: Any) -> list[str]:
        """The names of all pages of a list, through the paginator."""
        pages = self.client.get_paginator("list_processing_jobs").paginate(**filters)
        return [summary["ProcessingJobName"] for page in pages for summary in page["ProcessingJobSummaries"]]


def refusal_of(call: Any, **parameters: Any) -> tuple[str, str]:
    """Code and text of the error that a call ends with."""
    with pytest.raises(ClientError) as refusal:
        call(**parameters)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]
