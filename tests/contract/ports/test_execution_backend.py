"""What every ExecutionBackend does with the instances of jobs; a further backend needs a world of its own."""

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.adapters.duckdb_queries.engine import DuckDbQueries
from processing_emulator.adapters.volumes.local import LocalVolumes
from processing_emulator.domain.capacity import Sizing
from processing_emulator.domain.container_contract import ContainerAccess
from processing_emulator.domain.datasets import Catalogue
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.outcome import ContainerExit, InstanceOutcome, StopCause
from processing_emulator.domain.spec import spec_of
from processing_emulator.engine.backend import Admitted, ExecutionBackend, Gang, Never, NotNow
from processing_emulator.engine.cache_folder import CacheFolder
from processing_emulator.engine.dataset_queries import DatasetQueries
from processing_emulator.engine.input_views import OverlaySupport
from processing_emulator.engine.instance import InstanceEnded, InstanceStaged, RunnerOptions, RunnerReport, RunnerTools
from processing_emulator.engine.local_backend import LocalBackend
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.engine.sample_writer import SampleWriter
from processing_emulator.ports import ContainerState
from tests.builders import a_key, a_request
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.machine import FakeMachine
from tests.fakes.metric_store import MemoryMetricStore
from tests.fakes.object_store import MemoryObjectStore
from tests.fakes.probes import FakeGpuProbe, FakeHostProbe
from tests.fakes.runtime import FakeRuntime


class LocalWorld:
    """One machine with 4 vCPU, in memory. `start()` makes a backend; a second call is a restart of the server."""

    def __init__(self, folder: Path) -> None:
        self.machine = FakeMachine()
        self.jobs = MemoryJobStore()
        self.folder = folder / "jobs"
        self.cache_folder = folder / "cache"
        self._runtimes: list[FakeRuntime] = []

    def start(self) -> ExecutionBackend:
        runtime = FakeRuntime("e1", self.machine)
        self._runtimes.append(runtime)
        options = RunnerOptions(
            emulator_id="e1", image_map={}, container_access=ContainerAccess(), stop_grace_seconds=0.3
        )
        objects, volumes = MemoryObjectStore("bkt"), LocalVolumes(self.folder, lambda: "fakes do not see mounts")
        tools = RunnerTools(
            runtime=runtime,
            objects=objects,
            journal=self.jobs,
            logs=MemoryLogStore(self.jobs),
            samples=SampleWriter(MemoryMetricStore(self.jobs), SystemClock(), kept_seconds=3600),
            gpus=FakeGpuProbe(),
            volumes=volumes,
            queries=DatasetQueries(objects, DuckDbQueries(), volumes, Catalogue),
            clock=SystemClock(),
            cache=ObjectCache(
                CacheFolder(self.cache_folder, "boot-1"), SystemClock(), endpoint="memory", limit_bytes=2**20
            ),
            overlays=OverlaySupport(runtime, may_remove=True),
            options=options,
        )
        return LocalBackend(tools, FakeHostProbe(vcpus=4.0), self.folder, self.cache_folder / "views", Sizing())

    def close(self) -> None:
        for runtime in self._runtimes:
            runtime.close()

    def add(self, name: str = "job", *, hosts: int = 1, instance_type: str = "ml.t3.medium") -> ProcessingJob:
        """Store a job whose containers run until they are released; an ml.t3.medium has 2 vCPU."""
        request = a_request(name, instance_type=instance_type, hosts=hosts, Environment={"FAKE_HOLD": "1"})
        return self.jobs.add(a_key(name), request, {}, SystemClock().now())

    def gang(self, job: ProcessingJob, admitted: Admitted) -> Gang:
        """Store the instances as admission does."""
        records = tuple(self.jobs.ensure_instances(job.id, admitted.limits))
        return Gang(key=job.key, request=job.request, spec=spec_of(job.request), records=records)

    def networks(self) -> list[str]:
        return [network.name for network in self.machine.networks.values()]

    def running(self) -> list[str]:
        """The host names of all containers that run."""
        return sorted(c.spec.hostname for c in self.machine.containers() if c.is_running)


class Reports:
    """What the runners of one job reported."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[RunnerReport] = queue.SimpleQueue()

    def __call__(self, report: RunnerReport) -> None:
        self._queue.put(report)

    def await_staged(self, count: int) -> None:
        while count:
            count -= isinstance(self._queue.get(timeout=10), InstanceStaged)

    def await_outcomes(self, count: int) -> list[InstanceOutcome]:
        """In the order of the hosts."""
        ended: dict[int, InstanceOutcome] = {}
        while len(ended) < count:
            report = self._queue.get(timeout=10)
            if isinstance(report, InstanceEnded):
                ended[report.index] = report.outcome
        return [ended[index] for index in sorted(ended)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    made = LocalWorld(tmp_path)
    yield made
    made.close()


def admit(backend: ExecutionBackend, job: ProcessingJob) -> Admitted:
    answer = backend.reserve(job.id, spec_of(job.request))
    assert isinstance(answer, Admitted)
    return answer


def place(
    world: LocalWorld, backend: ExecutionBackend, job: ProcessingJob, stop: StopCause | None = None
) -> tuple[Gang, Reports]:
    gang, reports = world.gang(job, admit(backend, job)), Reports()
    backend.place(gang, reports, stop)
    return gang, reports


def run(world: LocalWorld, backend: ExecutionBackend, job: ProcessingJob) -> tuple[Gang, Reports]:
    """Place a job and wait until all its containers run."""
    gang, reports = place(world, backend, job)
    reports.await_staged(len(gang.records))
    backend.start_containers(job.id)
    for record in gang.records:
        world.machine.await_state(container(job, record.host), ContainerState.RUNNING)
    return gang, reports


def container(job: ProcessingJob, host: str = "algo-1") -> str:
    return f"{job.key.name}-{host}-e1-{job.id}"


def test_all_instances_are_reserved_or_none(world: LocalWorld) -> None:
    backend = world.start()
    first, pair, small = world.add("first"), world.add("pair", hosts=2), world.add("small")
    admit(backend, first)
    assert backend.reserve(pair.id, spec_of(pair.request)) == NotNow(reason="vCPU: 4 wanted, 2 free")
    admit(backend, small)


def test_reserving_again_gives_the_same_limits_with_their_node(world: LocalWorld) -> None:
    backend = world.start()
    job = world.add()
    limits = admit(backend, job).limits
    assert admit(backend, job).limits == limits
    assert [one.node for one in limits] == ["local"]


def test_a_job_that_does_not_fit_on_idle_machines_is_refused_for_good(world: LocalWorld) -> None:
    backend = world.start()
    job = world.add(hosts=3, instance_type="ml.g5.xlarge")
    answer = backend.reserve(job.id, spec_of(job.request))
    assert answer == Never(reason="3 x ml.g5.xlarge needs 3 GPU; this host has 0")


def test_instances_that_do_not_fit_side_by_side_get_equal_shares(world: LocalWorld) -> None:
    backend = world.start()
    limits = admit(backend, world.add(hosts=3)).limits
    assert [(one.vcpus, one.capped) for one in limits] == [(1.33, True)] * 3


def test_no_container_runs_before_all_instances_are_told_to_start(world: LocalWorld) -> None:
    backend = world.start()
    job = world.add(hosts=2)
    _, reports = place(world, backend, job)
    reports.await_staged(2)
    assert world.machine.names() == []
    backend.start_containers(job.id)
    for host, code in (("algo-1", 0), ("algo-2", 3)):
        world.machine.await_state(container(job, host), ContainerState.RUNNING)
        world.machine.release(container(job, host), code)
    assert [outcome.exit for outcome in reports.await_outcomes(2)] == [ContainerExit(code=0), ContainerExit(code=3)]


def test_stop_ends_all_instances_with_its_cause(world: LocalWorld) -> None:
    backend = world.start()
    job = world.add(hosts=2)
    _, reports = run(world, backend, job)
    backend.stop(job.id, StopCause.REQUESTED)
    assert [outcome.stopped for outcome in reports.await_outcomes(2)] == [StopCause.REQUESTED] * 2
    assert world.machine.names() == []


def test_a_job_that_is_placed_to_be_stopped_starts_no_container(world: LocalWorld) -> None:
    backend = world.start()
    job = world.add()
    _, reports = place(world, backend, job, StopCause.REQUESTED)
    (outcome,) = reports.await_outcomes(1)
    assert (outcome.exit, outcome.stopped) == (None, StopCause.REQUESTED)


def test_detached_containers_keep_running_and_are_adopted_after_a_restart(world: LocalWorld) -> None:
    first = world.start()
    job = world.add(hosts=2)
    gang, _ = run(world, first, job)
    first.detach(job.id)
    assert world.running() == ["algo-1", "algo-2"]
    ids = [c.id for c in world.machine.containers()]

    second = world.start()
    records = tuple(world.jobs.list_instances(job.id))
    second.restore(job.id, [record.limits for record in records])
    reports = Reports()
    second.place(Gang(key=gang.key, request=gang.request, spec=gang.spec, records=records), reports, None)
    other = world.add("other")
    assert isinstance(second.reserve(other.id, spec_of(other.request)), NotNow)
    assert [c.id for c in world.machine.containers()] == ids
    for host in ("algo-1", "algo-2"):
        world.machine.release(container(job, host))
    assert [outcome.exit for outcome in reports.await_outcomes(2)] == [ContainerExit(code=0)] * 2


def test_removing_gives_capacity_back_and_may_be_repeated(world: LocalWorld) -> None:
    backend = world.start()
    job, other = world.add(hosts=2), world.add("other")
    _, reports = run(world, backend, job)
    backend.stop(job.id, StopCause.REQUESTED)
    reports.await_outcomes(2)
    backend.remove(job.id)
    backend.remove(job.id)
    admit(backend, other)
    assert (list(world.folder.iterdir()), world.networks()) == ([], [])


def test_calls_for_an_unknown_job_do_nothing(world: LocalWorld) -> None:
    backend = world.start()
    unknown = JobId(4711)
    backend.start_containers(unknown)
    backend.stop(unknown, StopCause.REQUESTED)
    backend.detach(unknown)
    backend.remove(unknown)


def test_a_sweep_removes_what_belongs_to_jobs_that_are_over(world: LocalWorld) -> None:
    first = world.start()
    kept, over = world.add("kept"), world.add("over")
    for job in (kept, over):
        run(world, first, job)
        first.detach(job.id)
    second = world.start()
    assert second.sweep(lambda job_id: job_id == kept.id) == 2  # a container and a folder
    assert world.machine.names() == [container(kept)]
    assert [folder.name for folder in world.folder.iterdir()] == [str(kept.id)]


def test_clearing_removes_everything_and_gives_all_capacity_back(world: LocalWorld) -> None:
    backend = world.start()
    job, other = world.add(hosts=2), world.add("other", hosts=2)
    run(world, backend, job)
    backend.detach(job.id)
    assert backend.clear() == 4  # two containers, their network, and the folder
    assert (world.machine.names(), world.networks()) == ([], [])
    admit(backend, other)
