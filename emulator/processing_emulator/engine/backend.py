"""Where instances run: the port between the jobs' supervisors and the machines."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Protocol

from processing_emulator.domain.job import InstanceRecord, JobId, JobKey, Limits
from processing_emulator.domain.outcome import StopCause
from processing_emulator.domain.spec import InstanceChoice, JobSpec
from processing_emulator.engine.instance import RunnerReport
from processing_emulator.ports import ContainerProcess, Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Gang:
    """All instances of one job, placed together or not at all.

    `keeps_failed`: if the job fails, `remove` may be asked to keep what it leaves.
    """

    key: JobKey
    request: Mapping[str, Any]
    spec: JobSpec
    records: tuple[InstanceRecord, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    keeps_failed: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugRequest:
    """Who wants to look into a kept host. `session` names the look; `command` None: a shell."""

    session: str
    command: tuple[str, ...] | None
    dialogue: Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugContainer:
    """The container to be started by who wants to look, what runs in it, and what ran in the job's own."""

    name: str
    command: tuple[str, ...]
    job_process: ContainerProcess


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

    def remove(self, job_id: JobId, *, keep: bool = False) -> bool:
        """Every runner has ended: give the job's capacity back, and remove what is left of it.

        `keep`: leave the containers, which do not run any more, and their files; whether there is a container to look
        into. Without one everything is removed.
        """
        ...

    def looked_into(self) -> AbstractSet[JobId]:
        """The jobs into which a session looks that runs, and has not been there for long. Raises RuntimeFailure."""
        ...

    def check_kept(self, gang: Gang, index: int) -> None:
        """Raises JobNotKept when nothing of the host is there, RuntimeFailure."""
        ...

    def open_debug(self, gang: Gang, index: int, request: DebugRequest) -> DebugContainer:
        """Make a container like that of a kept host, which waits to be started; the same request twice makes one.

        Raises JobNotKept when nothing of the host is there or the image has no shell, and RuntimeFailure.
        """
        ...

    def close_debug(self, gang: Gang, index: int, session: str) -> None:
        """Remove that container and what was made for it; nothing happens when they are gone. Raises RuntimeFailure."""
        ...

    def sweep(self, is_wanted: Callable[[JobId], bool]) -> int:
        """Remove containers, networks and folders of ours whose job is over; how many. Raises RuntimeUnavailable."""
        ...

    def clear(self) -> int:
        """No job is left: give all capacity back and remove whatever is ours; how many things.

        Raises RuntimeFailure when something could not be removed; a later sweep tries again.
        """
        ...
