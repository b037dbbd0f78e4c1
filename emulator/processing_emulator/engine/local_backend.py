"""Runs instances on this machine: the adapter of ExecutionBackend for one node."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from processing_emulator.domain.capacity import NodeCapacity, Shortage, ask_of, place
from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import JobId, Limits
from processing_emulator.domain.outcome import StopCause
from processing_emulator.domain.spec import InstanceChoice, JobSpec
from processing_emulator.engine.backend import Admitted, Gang, Never, NotNow
from processing_emulator.engine.instance import LABEL_JOB_ID, InstanceTask, RunnerReport, RunnerTools
from processing_emulator.engine.ledger import CapacityLedger
from processing_emulator.engine.runner import InstanceRunner
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import RuntimeFailure, StagingFailure
from processing_emulator.ports import HostProbe

logger = logging.getLogger(__name__)


class LocalBackend:
    """Instances as threads of this process, containers in this machine's engine, folders below `jobs_folder`."""

    def __init__(self, tools: RunnerTools, host: HostProbe, jobs_folder: Path) -> None:
        self._tools = tools
        self._host = host
        self._jobs_folder = jobs_folder
        self._ledger = CapacityLedger()
        self._runners: dict[JobId, tuple[InstanceRunner, ...]] = {}

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
        self, job_id: JobId, choice: InstanceChoice, volume_gib: int, host: NodeCapacity
    ) -> Admitted | NotNow | Never:
        asks = [ask_of(catalogue()[choice.instance_type], volume_gib)] * choice.count
        on_idle_host = place(asks, [host], held=())
        if isinstance(on_idle_host, Shortage):
            return Never(reason=_never_fits(choice, on_idle_host))
        answer = self._ledger.reserve(job_id, asks, [host])
        if isinstance(answer, Shortage):
            return NotNow(reason=str(answer))
        return Admitted(choice=choice, limits=answer)

    def restore(self, job_id: JobId, limits: Sequence[Limits]) -> None:
        """See the port."""
        self._ledger.restore(job_id, limits)

    def place(self, gang: Gang, report: Callable[[RunnerReport], None], stop: StopCause | None) -> None:
        """See the port."""
        hosts = tuple(record.host for record in gang.records)
        job_id = gang.records[0].job_id
        tasks = [
            InstanceTask(
                key=gang.key,
                request=gang.request,
                spec=gang.spec,
                hosts=hosts,
                record=record,
                folder=self._jobs_folder / str(job_id) / record.host,
            )
            for record in gang.records
        ]
        runners = self._runners[job_id] = tuple(InstanceRunner(task, self._tools, report) for task in tasks)
        for runner in runners:
            if stop is not None:
                runner.stop(stop)
            runner.start()

    def start_containers(self, job_id: JobId) -> None:
        """See the port."""
        for runner in self._runners.get(job_id, ()):
            runner.start_container()

    def stop(self, job_id: JobId, cause: StopCause) -> None:
        """See the port."""
        for runner in self._runners.get(job_id, ()):
            runner.stop(cause)

    def detach(self, job_id: JobId) -> None:
        """See the port."""
        for runner in self._runners.get(job_id, ()):
            runner.detach()

    def remove(self, job_id: JobId) -> None:
        """See the port."""
        for runner in self._runners.pop(job_id, ()):
            runner.join()
        self._remove_folder(self._jobs_folder / str(job_id))
        self._ledger.release(job_id)

    def sweep(self, is_wanted: Callable[[JobId], bool]) -> int:
        """See the port."""
        return self._sweep_containers(is_wanted) + self._sweep_folders(is_wanted)

    def clear(self) -> int:
        """See the port."""
        self._ledger.clear()
        self._runners.clear()
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
                logger.warning(
                    "leftover container not removed", extra={"container": container.name, "error": str(error)}
                )
        self._tools.runtime.remove_unused_volumes()
        return removed

    def _sweep_folders(self, is_wanted: Callable[[JobId], bool]) -> int:
        folders = self._jobs_folder.iterdir() if self._jobs_folder.exists() else ()
        return sum(
            self._remove_folder(folder)
            for folder in folders
            if not (folder.name.isdecimal() and is_wanted(JobId(int(folder.name))))
        )

    def _remove_folder(self, folder: Path) -> bool:
        try:
            Workspace(folder).remove()
        except StagingFailure as error:
            logger.warning("job folder not removed", extra={"folder": str(folder), "error": str(error)})
            return False
        return True


def _never_fits(choice: InstanceChoice, shortage: Shortage) -> str:
    needed, there = shortage.amount(shortage.wanted), shortage.amount(shortage.free)
    return f"{choice.count} x {choice.instance_type} needs {needed} {shortage.resource}; this host has {there}"
