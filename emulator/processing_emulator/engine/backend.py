"""Where instances run: the port between the jobs' supervisors and the machines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from processing_emulator.domain.job import InstanceRecord, JobId, JobKey, Limits
from processing_emulator.domain.outcome import StopCause
from processing_emulator.domain.spec import InstanceChoice, JobSpec
from processing_emulator.engine.instance import RunnerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Gang:
    """All instances of one job, placed together or not at all."""

    key: JobKey
    request: Mapping[str, Any]
    spec: JobSpec
    records: tuple[InstanceRecord, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Capacity is reserved for one of the job's choices: the limits of each instance, which name its node."""

    choice: InstanceChoice
    limits: tuple[Limits, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """There will be room later; `reason` says what is short."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """These machines cannot run it, even when idle."""

    reason: str


class ExecutionBackend(Protocol):
    """Reserves, places, stops and removes the instances of jobs. Every call is idempotent per job."""

    def reserve(self, job_id: JobId, spec: JobSpec) -> Admitted | NotNow | Never:
        """Room for all instances of the first choice of a job that fits, or none. Raises RuntimeUnavailable."""
        ...

    def restore(self, job_id: JobId, limits: Sequence[Limits]) -> None:
        """Book what a job of an earlier run holds, on the nodes that the limits name."""
        ...

    def place(self, gang: Gang, report: Callable[[RunnerReport], None], stop: StopCause | None) -> None:
        """Start a runner per instance on the node of its record; it continues what an earlier run left.

        `stop`: the job is to be stopped already; the runners know before they begin.
        """
        ...

    def start_containers(self, job_id: JobId) -> None:
        """All instances are staged: start the containers."""
        ...

    def stop(self, job_id: JobId, cause: StopCause) -> None:
        """End all instances of a job that still run."""
        ...

    def detach(self, job_id: JobId) -> None:
        """End the runners and leave the containers running; returns when no runner runs any more."""
        ...

    def remove(self, job_id: JobId) -> None:
        """Every runner has ended: give the job's capacity back."""
        ...

    def sweep(self, is_wanted: Callable[[JobId], bool]) -> int:
        """Remove containers, networks and folders of ours whose job is over; how many. Raises RuntimeUnavailable."""
        ...

    def clear(self) -> int:
        """No job is left: give all capacity back and remove whatever is ours; how many things.

        Raises RuntimeFailure when something could not be removed; a later sweep tries again.
        """
        ...
