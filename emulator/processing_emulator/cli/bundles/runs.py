"""A run of a job as its document tells it, checked: the document may come from a bundle."""

from typing import Annotated, Any

import click
from pydantic import AwareDatetime, BaseModel, ConfigDict, FailFast, Field, ValidationError

Moment = Annotated[AwareDatetime, Field(strict=False)]


class _Part(BaseModel):
    """A part of the document. Members that are not compared are left out."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Peaks(_Part):
    """The most that a host used; zeros without samples."""

    samples: int
    cpu_percent: float | None = Field(None, alias="cpuPercent")
    memory_bytes: float | None = Field(None, alias="memoryBytes")
    disk_bytes: float | None = Field(None, alias="diskBytes")


class HostLimits(_Part):
    """What a host might use."""

    vcpus: float
    memory_bytes: int = Field(alias="memoryBytes")


class Host(_Part):
    """One host."""

    host: str = Field(pattern="^algo-[1-9][0-9]{0,2}$")
    exit_code: int | None = Field(alias="exitCode")
    limits: HostLimits
    peaks: Peaks


class Event(_Part):
    """One line of the history."""

    action: str
    detail: dict[str, Any]


class Run(_Part):
    """One run of a job, as `/_emulator/jobs/NAME` gives it."""

    status: str
    failure_reason: str | None = Field(alias="failureReason")
    exit_message: str | None = Field(alias="exitMessage")
    started_at: Moment | None = Field(alias="startedAt")
    ended_at: Moment | None = Field(alias="endedAt")
    instances: Annotated[list[Host], FailFast()] = Field(max_length=100)
    events: Annotated[list[Event], FailFast()]

    @property
    def seconds(self) -> float | None:
        """From its start to its end."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


def run_of(document: object) -> Run:
    """Raises ClickException for what is no job's document."""
    try:
        return Run.model_validate(document)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        raise click.ClickException(
            f"not a job's document: {'.'.join(map(str, detail['loc']))}: {detail['msg']}"
        ) from error
