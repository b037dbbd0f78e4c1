"""Where instances run: the port between a job's supervisor and the machines, and its adapter for this machine."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from processing_emulator.domain.capacity import HostCapacity, ask_for, never_fits
from processing_emulator.domain.instances import catalogue
from processing_emulator.domain.job import InstanceRecord, JobId, JobKey, Limits
from processing_emulator.domain.outcome import StopCause
from processing_emulator.domain.spec import InstanceChoice, JobSpec
from processing_emulator.engine.instance import LABEL_JOB_ID, InstanceTask, RunnerReport, RunnerTools
from processing_emulator.engine.ledger import CapacityLedger
from processing_emulator.engine.runner import InstanceRunner
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import RuntimeFailure, StagingFailure
from processing_emulator.ports import HostProbe

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gang:
    """All instances of one job, placed together or not at all."""

    key: JobKey
    request: Mapping[str, Any]
    spec: JobSpec
    records: tuple[InstanceRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Capacity is reserved for one of the job's choices: the limits of each instance."""

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
        """Book what a job of an earlier life holds."""
        ...

    def place(self, gang: Gang, report: Callable[[RunnerReport], None], stop: StopCause | None) -> None:
        """Start a runner per instance, which takes up whatever an earlier life left.

        `stop`: the job is to be stopped already; the runners know before they begin.
        """
        ...

    def start_containers(self, job_id: JobId) -> None:
        """All are staged: start the containers."""
        ...

    def stop(self, job_id: JobId, cause: StopCause) -> None:
        """End all instances of a job that still run."""
        ...

    def detach(self, job_id: JobId) -> None:
        """Let go of a job, leaving its containers running."""
        ...

    def remove(self, job_id: JobId) -> None:
        """Every runner has ended: give its capacity back."""
        ...

    def sweep(self, is_wanted: Callable[[JobId], bool]) -> int:
        """Remove containers and folders of ours whose job is over; how many. Raises RuntimeUnavailable."""
        ...

    def clear(self) -> int:
        """No job is left: give all capacity back and remove whatever is ours; how many things.

        Raises RuntimeFailure when something could not be removed; a later sweep tries again.
        """
        ...


@dataclass
class _Placed:
    runners: list[InstanceRunner] = field(default_factory=list)


class LocalBackend:
    """Instances as threads of this process, containers in this machine's engine, folders below `jobs_folder`."""

    def __init__(self, tools: RunnerTools, host: HostProbe, jobs_folder: Path) -> None:
        self._tools = tools
        self._host = host
        self._jobs_folder = jobs_folder
        self._ledger = CapacityLedger()
        self._placed: dict[JobId, _Placed] = {}

    def reserve(self, job_id: JobId, spec: JobSpec) -> Admitted | NotNow | Never:
        """See the port."""
        host = self._host.capacity()
        answers = []
        for choice in spec.choices:
            answer = self._reserve(job_id, choice, spec.volume_gib, host)
            if isinstance(answer, Admitted):
                return answer
            answers.append(answer)
        reason = "; ".join(answer.reason for answer in answers)
        return Never(reason=reason) if all(isinstance(a, Never) for a in answers) else NotNow(reason=reason)

    def _reserve(
        self, job_id: JobId, choice: InstanceChoice, volume_gib: int, host: HostCapacity
    ) -> Admitted | NotNow | Never:
        instance = catalogue()[choice.instance_type]
        reason = never_fits(instance, choice.count, host)
        if reason is not None:
            return Never(reason=reason)
        ask = ask_for(instance, volume_gib, host)
        answer = self._ledger.reserve(job_id, [ask] * choice.count, host)
        return NotNow(reason=answer) if isinstance(answer, str) else Admitted(choice=choice, limits=answer)

    def restore(self, job_id: JobId, limits: Sequence[Limits]) -> None:
        """See the port."""
        self._ledger.restore(job_id, limits)

    def place(self, gang: Gang, report: Callable[[RunnerReport], None], stop: StopCause | None) -> None:
        """See the port."""
        hosts = tuple(record.host for record in gang.records)
        job_id = gang.records[0].job_id
        placed = self._placed[job_id] = _Placed()
        for record in gang.records:
            task = InstanceTask(
                key=gang.key,
                request=gang.request,
                spec=gang.spec,
                hosts=hosts,
                record=record,
                folder=self._jobs_folder / str(job_id) / record.host,
            )
            placed.runners.append(InstanceRunner(task, self._tools, report))
        for runner in placed.runners:
            if stop is not None:
                runner.stop(stop)
            runner.start()

    def start_containers(self, job_id: JobId) -> None:
        """See the port."""
        for runner in self._runners(job_id):
            runner.start_container()

    def stop(self, job_id: JobId, cause: StopCause) -> None:
        """See the port."""
        for runner in self._runners(job_id):
            runner.stop(cause)

    def detach(self, job_id: JobId) -> None:
        """See the port."""
        for runner in self._runners(job_id):
            runner.detach()

    def remove(self, job_id: JobId) -> None:
        """See the port."""
        for runner in self._runners(job_id):
            runner.join()
        self._placed.pop(job_id, None)
        folder = self._jobs_folder / str(job_id)
        try:
            Workspace(folder).remove()
        except StagingFailure as error:
            logger.warning("%s", error, extra={"action": "clean_up_failed"})
        self._ledger.release(job_id)

    def _runners(self, job_id: JobId) -> Sequence[InstanceRunner]:
        placed = self._placed.get(job_id)
        return tuple(placed.runners) if placed else ()

    def sweep(self, is_wanted: Callable[[JobId], bool]) -> int:
        """See the port."""
        return self._sweep_containers(is_wanted) + self._sweep_folders(is_wanted)

    def clear(self) -> int:
        """See the port."""
        self._ledger.clear()
        self._placed.clear()
        removed = self.sweep(lambda _job_id: False)
        left = len(self._tools.runtime.list_ours())
        if left:
            raise RuntimeFailure(f"{left} container(s) could not be removed; the log says why, and it is tried again")
        return removed

    def _sweep_containers(self, is_wanted: Callable[[JobId], bool]) -> int:
        removed = 0
        for container in self._tools.runtime.list_ours():
            label = container.labels.get(LABEL_JOB_ID, "")
            if label.isdecimal() and is_wanted(JobId(int(label))):
                continue
            try:
                self._tools.runtime.remove(container.id)
                removed += 1
            except RuntimeFailure as error:
                logger.warning("container stays: %s", error, extra={"action": "reap_failed"})
        return removed

    def _sweep_folders(self, is_wanted: Callable[[JobId], bool]) -> int:
        removed = 0
        for folder in self._jobs_folder.iterdir() if self._jobs_folder.exists() else ():
            if folder.name.isdecimal() and is_wanted(JobId(int(folder.name))):
                continue
            try:
                Workspace(folder).remove()
                removed += 1
            except StagingFailure as error:
                logger.warning("%s", error, extra={"action": "reap_failed"})
        return removed
