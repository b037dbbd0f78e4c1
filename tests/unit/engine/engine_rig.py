"""The engine on fakes: a machine in memory, stores in memory, and real threads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.adapters.duckdb_queries.engine import DuckDbQueries
from processing_emulator.adapters.volumes.local import LocalVolumes
from processing_emulator.domain.capacity import Sizing
from processing_emulator.domain.container_contract import ContainerAccess
from processing_emulator.domain.datasets import Catalogue
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.kept_job import KeepPolicy
from processing_emulator.domain.outcome import StopCause
from processing_emulator.domain.usage import UsagePeaks
from processing_emulator.engine.backend import Gang
from processing_emulator.engine.cache_folder import CacheFolder
from processing_emulator.engine.dataset_queries import DatasetQueries
from processing_emulator.engine.debug_sessions import DebugSessions
from processing_emulator.engine.input_views import OverlaySupport
from processing_emulator.engine.instance import RunnerOptions, RunnerReport, RunnerTools
from processing_emulator.engine.keeping import Keeping
from processing_emulator.engine.local_backend import LocalBackend
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.engine.reaper import Reaper
from processing_emulator.engine.sample_writer import SampleWriter
from processing_emulator.engine.scheduler import Scheduler
from processing_emulator.metrics.job_usage import peaks_of
from processing_emulator.ports import Clock
from tests.builders import a_key, a_request
from tests.contract.ports.stores import output_of
from tests.fakes.container_script import FakeRun, run_from_environment
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.machine import FakeMachine
from tests.fakes.metric_store import MemoryMetricStore
from tests.fakes.object_store import MemoryObjectStore
from tests.fakes.probes import FakeGpuProbe, FakeHostProbe
from tests.fakes.runtime import FakeRuntime
from tests.waiting import wait_for

EMULATOR_ID = "e1"
MIB = 1024**2


class Rig:
    """One machine, one database, one object store; `start_emulator()` is one run of the emulator on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "jobs"
        self.views_folder = folder / "cache" / "views"
        self.cache_folder = CacheFolder(folder / "cache", "boot-1", sync=lambda: None)
        self.cache_bytes = MIB
        self.script: Callable[[Any], FakeRun] = run_from_environment
        self.machine = FakeMachine(script=lambda spec: self.script(spec))
        self.jobs = MemoryJobStore()
        self.logs = MemoryLogStore(self.jobs)
        self.metrics = MemoryMetricStore(self.jobs)
        self.objects = MemoryObjectStore("bkt")
        self.volumes = RigVolumes(self.folder)
        self.catalogue = Catalogue()
        self.host = FakeHostProbe(vcpus=2.0)
        self.gpus = FakeGpuProbe()
        self.clock: Clock = SystemClock()
        self.boot_id = "boot-1"
        self.policy = KeepPolicy(most=5)
        self.runs: list[EmulatorRun] = []

    def start_emulator(self, **options: Any) -> "EmulatorRun":
        """Start the emulator."""
        emulator = EmulatorRun(self, options)
        self.runs.append(emulator)
        emulator.scheduler.start()
        return emulator

    def add(self, name: str = "job", tags: Mapping[str, str] | None = None, **changes: Any) -> ProcessingJob:
        """Store a job, as the API does."""
        request = a_request(name, **changes)
        job = self.jobs.add(a_key(name), request, tags or {}, self.clock.now())
        for emulator in self.runs:
            emulator.scheduler.jobs_added([job.id])
        return job

    def request_stop(self, job: ProcessingJob) -> None:
        """Record the request and wake the engine, as the API does."""
        self.jobs.request_stop(job.id, self.clock.now())
        for emulator in self.runs:
            emulator.scheduler.stop_requested(job.id)

    def job(self, job: ProcessingJob) -> ProcessingJob:
        return self.jobs.get(job.id)

    def wait_for_phase(self, job: ProcessingJob, phase: str) -> ProcessingJob:
        wait_for(f"{job.key.name} to be {phase}", lambda: self.job(job).phase == phase or None, 10)
        return self.job(job)

    def wait_for_end(self, job: ProcessingJob) -> ProcessingJob:
        wait_for(f"{job.key.name} to end", lambda: self.job(job).phase.is_terminal or None, 10)
        return self.job(job)

    def actions(self, job: ProcessingJob) -> list[str]:
        return [event.action for event in self.jobs.list_events(job.id)]

    def phases(self, job: ProcessingJob) -> list[str]:
        return [e.detail["to"] for e in self.jobs.list_events(job.id) if e.action == "phase_changed"]

    def peaks(self, job: ProcessingJob, index: int = 0) -> UsagePeaks:
        """What the samples of a host say; those that wait are stored first."""
        for emulator in self.runs:
            emulator.tools.samples.flush()
        return peaks_of(self.metrics, self.job(job), self.jobs.list_instances(job.id)[index])

    def lines(self, job: ProcessingJob, index: int = 0) -> list[bytes]:
        return [event.message.encode() for event in output_of(self.logs, job.id, index)]

    def container(self, job: ProcessingJob, host: str = "algo-1") -> str:
        return f"{job.key.name}-{host}-{EMULATOR_ID}-{job.id}"

    def leftovers(self) -> list[str]:
        folders = (self.folder, self.views_folder)
        files = [str(path) for folder in folders if folder.exists() for path in folder.rglob("*")]
        return self.machine.names() + [network.name for network in self.machine.networks.values()] + files

    def close(self) -> None:
        for emulator in self.runs:
            emulator.end()


class RigVolumes(LocalVolumes):
    """Watched ones in plain folders; what they say of the machine is set by a test."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, lambda: "unit tests mount nothing")
        self.used: int | None = None
        self.shortage: str | None = None
        self.is_lost = False

    def is_there(self, folder: Path) -> bool:
        return not self.is_lost and super().is_there(folder)

    def used_bytes(self, folder: Path) -> int | None:
        return self.used

    def disk_shortage(self, folder: Path) -> str | None:
        return self.shortage


class BackendWithBugs(LocalBackend):
    """The real one, but `place` raises what a test puts into `bugs`, and `remove` what is in `bugs_in_remove`."""

    def __init__(
        self, tools: RunnerTools, host: FakeHostProbe, folder: Path, views_folder: Path, sizing: Sizing
    ) -> None:
        super().__init__(tools, host, folder, views_folder, sizing)
        self.bugs: list[Exception] = []
        self.bugs_in_remove: list[Exception] = []

    def remove(self, job_id: JobId, *, keep: bool = False) -> bool:
        if self.bugs_in_remove:
            raise self.bugs_in_remove.pop()
        return super().remove(job_id, keep=keep)

    def place(self, gang: Gang, report: Callable[[RunnerReport], None], stop: StopCause | None) -> None:
        if self.bugs:
            raise self.bugs.pop()
        super().place(gang, report, stop)


class EmulatorRun:
    """One run of the emulator."""

    def __init__(self, rig: Rig, options: dict[str, Any]) -> None:
        runtime_class: type[FakeRuntime] = options.pop("runtime_class", FakeRuntime)
        self.runtime = runtime_class(EMULATOR_ID, rig.machine)
        sizing: Sizing = options.pop("sizing", Sizing())
        passing: float = options.pop("passing_seconds", 60.0)
        clock = rig.clock
        defaults = {
            "emulator_id": EMULATOR_ID,
            "image_map": {},
            "container_access": ContainerAccess(),
            "stop_grace_seconds": 0.3,
            "sample_interval_seconds": 0.1,
            "engine_patience_seconds": 2.0,
        }
        tools = RunnerTools(
            runtime=self.runtime,
            objects=rig.objects,
            journal=rig.jobs,
            logs=rig.logs,
            samples=SampleWriter(rig.metrics, clock, kept_seconds=3600),
            gpus=rig.gpus,
            volumes=rig.volumes,
            queries=DatasetQueries(rig.objects, DuckDbQueries(), rig.volumes, lambda: rig.catalogue),
            clock=clock,
            cache=ObjectCache(rig.cache_folder, clock, endpoint="memory", limit_bytes=rig.cache_bytes),
            overlays=OverlaySupport(self.runtime, may_remove=True),
            options=RunnerOptions(**{**defaults, **options}),
        )
        self.tools = tools
        self.backend = BackendWithBugs(tools, rig.host, rig.folder, rig.views_folder, sizing)
        patience = tools.options.engine_patience_seconds
        self.reaper = Reaper(rig.jobs, self.backend, clock, 3600, rig.policy)
        keeping = Keeping(policy=rig.policy, on_kept=self.reaper.wake)
        self.scheduler = Scheduler(rig.jobs, self.backend, clock, patience, rig.boot_id, passing, keeping)
        self.debug = DebugSessions(rig.jobs, self.backend, clock, rig.policy, self.reaper)

    def end(self) -> None:
        """Stop the emulator; jobs are detached."""
        self.scheduler.stop()
        self.reaper.stop()
        self.runtime.close()
