"""Parameters of the emulator's own endpoints. Unknown ones are refused, so that `?scpoe=jobs` does not reset all."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from processing_emulator.admin.reset import ResetScope
from processing_emulator.domain.default_account import DEFAULT_ACCOUNT, DEFAULT_REGION
from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.ports import JobStore

MAX_EVENTS = 10_000
"""Events of a log in one reply."""

MAX_SEQ = 2**53
MAX_ID = 2**63 - 1

JobName = Annotated[str, Path(pattern="^[a-zA-Z0-9-]{1,63}$")]

Host = Annotated[str, Field(pattern="^algo-[1-9][0-9]{0,2}$")]


def index_of(host: str) -> int:
    """`algo-1` is index 0."""
    return int(host.removeprefix("algo-")) - 1


class Parameters(BaseModel):
    """A query string."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JobParameters(Parameters):
    """Where a job is looked up."""

    account: str = Field(DEFAULT_ACCOUNT, pattern="^[0-9]{12}$")
    region: str = Field(DEFAULT_REGION, pattern="^[a-z0-9-]{1,32}$")

    def find_job(self, store: JobStore, name: str) -> ProcessingJob:
        """The job of that name. Raises HTTPException 404."""
        job = store.find(JobKey(account=self.account, region=self.region, name=name))
        if job is None:
            raise HTTPException(
                404, f"There is no processing job {name} in account {self.account}, region {self.region}."
            )
        return job


class HostParameters(JobParameters):
    """One host of a job."""

    host: Host = "algo-1"


class LogParameters(HostParameters):
    """Which events of a job's log: a page, the last ones (`tail`), or all as they come (`follow`)."""

    from_seq: int = Field(0, alias="from", ge=0, le=MAX_SEQ)
    limit: int = Field(1000, ge=1, le=MAX_EVENTS)
    tail: int | None = Field(None, ge=1, le=MAX_EVENTS)
    follow: bool = False


class SearchParameters(HostParameters):
    """Which event of a job's log to look for: the first after `from` that contains the text, or the last before it."""

    text: str = Field(min_length=1, max_length=200)
    from_seq: int = Field(0, alias="from", ge=0, le=MAX_SEQ)
    backward: bool = False


class EventParameters(Parameters):
    """Which state changes: those behind a place in the feed of events; 0 is before the first."""

    after: int = Field(0, ge=0, le=2**63 - 1)
    limit: int = Field(100, ge=1, le=1000)


class FaultParameters(Parameters):
    """A fault: the next `times` requests of an account for an operation get this error."""

    operation: str = Field(pattern="^[A-Za-z]{1,64}$")
    code: str = Field(pattern="^[A-Za-z.]{1,64}$")
    service: str = Field("sagemaker", pattern="^[a-z]{1,32}$")
    status: int = Field(400, ge=400, le=599)
    times: int = Field(1, ge=1, le=1000)
    message: str = Field("", max_length=1000)
    account: str = Field(DEFAULT_ACCOUNT, pattern="^[0-9]{12}$")


class ResetParameters(Parameters):
    """What a reset is about. `external`: empty a store that is not the emulator's own, too."""

    scope: ResetScope = ResetScope.ALL
    external: bool = False
