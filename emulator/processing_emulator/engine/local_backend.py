"""Runs instances on this machine: the adapter of ExecutionBackend for one node."""

import logging
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from processing_emulator.domain.cache_entry import CACHE_TAG
from processing_emulator.domain.capacity import NodeCapacity, Shortage, Sizing, ask_of, place
from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import JobId, Limits
from processing_emulator.domain.outcome import StopCause
from processing_emulator.domain.spec import InstanceChoice, JobSpec
from processing_emulator.engine.backend import Admitted, DebugContainer, DebugRequest, Gang, Never, NotNow
from processing_emulator.engine.dataset_queries import OncePerJob
from processing_emulator.engine.debug_container import (
    close_debug,
    find_kept,
    has_kept,
    has_sessions,
    job_of_snapshot,
    looked_into,
    open_debug,
)
from processing_emulator.engine.instance import LABEL_JOB_ID, InstanceTask, RunnerReport, RunnerTools, job_labels
from processing_emulator.engine.job_network import JobNetwork
from processing_emulator.engine.ledger import CapacityLedger
from processing_emulator.engine.retry import Detached
from processing_emulator.engine.runner import InstanceRunner
from processing_emulator.errors import RuntimeFailure, StagingFailure
from processing_emulator.ports import ContainerInfo, HostProbe, NetworkAttachment, NetworkInfo, NetworkSpec

logger = logging.getLogger(__name__)


class LocalBackend:
    """Instances as threads of this process, containers in this machine's engine, folders below `jobs_folder`.

    The files of inputs that containers see through overlays are below `views_folder`.
    """

    def __init__(
        self, tools: RunnerTools, host: HostProbe, jobs_folder: Path, views_folder: Path, sizing: Sizing
    ) -> None:
        self._tools = tools
        self._host = host
        self._jobs_folder = jobs_folder
        self._views_folder = views_folder
        self._sizing = sizing
        self._ledger = CapacityLedger()
        self._runners: dict[JobId, tuple[InstanceRunner, ...]] = {}
        self._networks: dict[JobId, JobNetwork] = {}

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
        ask = ask_of(catalogue()[choice.instance_type], volume_gib, self._sizing)
        if self._sizing.gpu_fallback and ask.gpus * choice.count > len(host.gpu_ids):
            ask = replace(ask, gpus=0)
        asks = [ask] * choice.count
        on_idle_host = place(asks, [host], held=())
        if isinstance(on_idle_host, Shortage):
            return Never(reason=_never_fits(choice, on_idle_host))
        answer = self._ledger.reserve(job_id, asks, [host])
        if isinstance(answer, Shortage):
            return NotNow(reason=str(answer))
        return Admitted(choice=choice, limits=answer)

    def capacity(self) -> NodeCapacity:
        """What this machine gives to jobs. Raises RuntimeUnavailable."""
        return self._host.capacity()

    def held(self) -> Sequence[Limits]:
        """What all jobs hold together."""
        return self._ledger.held()

    def restore(self, job_id: JobId, limits: Sequence[Limits]) -> None:
        """See the port."""
        self._ledger.restore(job_id, limits)

    def place(self, gang: Gang, report: Callable[[RunnerReport], None], stop: StopCause | None) -> None:
        """See the port."""
        job_id = gang.records[0].job_id
        runners = self._runners[job_id] = tuple(InstanceRunner(task, self._tools, report) for task in self._tasks(gang))
        for runner in runners:
            if stop is not None:
                runner.stop(stop)
            runner.start()

    def _tasks(self, gang: Gang) -> Sequence[InstanceTask]:
        hosts = tuple(record.host for record in gang.records)
        job_id = gang.records[0].job_id
        attach = self._join_hosts(gang, hosts)
        once = OncePerJob()
        return [
            InstanceTask(
                key=gang.key,
                request=gang.request,
                spec=gang.spec,
                hosts=hosts,
                record=record,
                folder=self._jobs_folder / str(job_id) / record.host,
                view_folder=self._views_folder / str(job_id) / record.host,
                once=once,
                attach=partial(attach, record.host),
                use_cache=gang.tags.get(CACHE_TAG) != "off",
                keeps_failed=gang.keeps_failed,
            )
            for record in gang.records
        ]

    def _join_hosts(self, gang: Gang, hosts: Sequence[str]) -> Callable[[str], NetworkAttachment | None]:
        """How each host of a job joins a network: several share one of their own, a single one needs none for peers."""
        options, job_id = self._tools.options, gang.records[0].job_id
        isolated = gang.spec.network_isolation
        if len(hosts) == 1:
            return lambda _host: None if isolated else self._attach_alone()
        name = f"{gang.key.name}-{options.emulator_id}-{job_id}"
        spec = NetworkSpec(name=name, labels=job_labels(gang.key, job_id), isolated=isolated)
        second = None if isolated else options.network
        network = self._networks[job_id] = JobNetwork(self._tools.runtime, spec, hosts=hosts, second=second)
        return network.attach

    def _attach_alone(self) -> NetworkAttachment:
        return NetworkAttachment(network=self._tools.options.network or self._tools.runtime.shared_network())

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

    def remove(self, job_id: JobId, *, keep: bool = False) -> bool:
        """See the port."""
        runners = self._runners.pop(job_id, ())
        for runner in runners:
            runner.join()
        is_kept = keep and has_kept(self._tools.runtime, job_id)
        if not is_kept:
            for runner in runners:
                with suppress(Detached):  # the supervisor notices it as well
                    runner.clean_up_what_was_to_be_kept()
        self._remove_network(job_id)
        if not is_kept:
            for parent in (self._jobs_folder, self._views_folder):
                self._remove_folder(parent / str(job_id))
        self._ledger.release(job_id)
        return is_kept

    def looked_into(self) -> AbstractSet[JobId]:
        """See the port."""
        return looked_into(self._tools.runtime, self._tools.clock.now())

    def check_kept(self, gang: Gang, index: int) -> None:
        """See the port."""
        find_kept(self._tools, self._tasks(gang)[index])

    def open_debug(self, gang: Gang, index: int, request: DebugRequest) -> DebugContainer:
        """See the port."""
        try:
            return open_debug(self._tools, self._tasks(gang)[index], request)
        except Exception:
            with suppress(RuntimeFailure):
                self.close_debug(gang, index, request.session)
            raise

    def close_debug(self, gang: Gang, index: int, session: str) -> None:
        """See the port. The network goes with the last one who looks."""
        job_id = gang.records[0].job_id
        close_debug(self._tools, self._tasks(gang)[index], session)
        if not has_sessions(self._tools.runtime, job_id):
            self._remove_network(job_id)

    def sweep(self, is_wanted: Callable[[JobId], bool]) -> int:
        """See the port. First the cache, which needs no engine; images, networks and volumes after their containers."""
        self._tools.cache.maintain()
        runtime = self._tools.runtime
        removed = self._sweep(runtime.list_ours(), runtime.remove, is_wanted)
        removed += self._sweep_snapshots(is_wanted)
        runtime.remove_unused_volumes()
        removed += self._sweep(runtime.list_networks(), runtime.remove_network, is_wanted)
        for parent in (self._jobs_folder, self._views_folder):
            removed += self._sweep_folders(parent, is_wanted)
        return removed

    def clear(self) -> int:
        """See the port."""
        self._ledger.clear()
        self._runners.clear()
        self._networks.clear()
        removed = self.sweep(lambda _job_id: False)
        left = len(self._tools.runtime.list_ours()) + len(self._tools.runtime.list_networks())
        if left:
            what = "container(s) and network(s)"
            raise RuntimeFailure(f"{left} {what} could not be removed; the log says why, and it is tried again")
        return removed

    def _sweep(
        self,
        things: Sequence[ContainerInfo] | Sequence[NetworkInfo],
        remove: Callable[[str], None],
        is_wanted: Callable[[JobId], bool],
    ) -> int:
        """Remove those that belong to no wanted job; how many."""
        removed = 0
        for thing in things:
            label = thing.labels.get(LABEL_JOB_ID, "")
            if label.isdecimal() and is_wanted(JobId(int(label))):
                continue
            try:
                remove(thing.id)
                removed += 1
            except RuntimeFailure as error:
                logger.warning("leftover not removed", extra={"leftover": thing.name, "error": str(error)})
        return removed

    def _sweep_snapshots(self, is_wanted: Callable[[JobId], bool]) -> int:
        """Images made to look into kept jobs, after the containers made of them."""
        removed = 0
        for name in self._tools.runtime.list_snapshots():
            job_id = job_of_snapshot(name)
            if job_id is not None and is_wanted(job_id):
                continue
            try:
                self._tools.runtime.remove_snapshot(name)
                removed += 1
            except RuntimeFailure as error:
                logger.warning("leftover not removed", extra={"leftover": name, "error": str(error)})
        return removed

    def _remove_network(self, job_id: JobId) -> None:
        network = self._networks.pop(job_id, None)
        if network is None:
            return
        try:
            network.remove()
        except RuntimeFailure as error:  # the next sweep tries again
            logger.warning("network not removed", extra={"job_id": job_id, "error": str(error)})

    def _sweep_folders(self, parent: Path, is_wanted: Callable[[JobId], bool]) -> int:
        folders = parent.iterdir() if parent.exists() else ()
        return sum(
            self._remove_folder(folder)
            for folder in folders
            if not (folder.name.isdecimal() and is_wanted(JobId(int(folder.name))))
        )

    def _remove_folder(self, folder: Path) -> bool:
        try:
            self._tools.volumes.remove(folder)
        except StagingFailure as error:
            logger.warning("job folder not removed", extra={"folder": str(folder), "error": str(error)})
            return False
        return True


def _never_fits(choice: InstanceChoice, shortage: Shortage) -> str:
    needed, there = shortage.amount(shortage.wanted), shortage.amount(shortage.free)
    return f"{choice.count} x {choice.instance_type} needs {needed} {shortage.resource}; this host has {there}"
