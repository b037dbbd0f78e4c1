"""Makes the engine: what admits jobs, runs them in containers, and removes leftovers."""

import os
import sys
from dataclasses import dataclass
from datetime import timedelta

from processing_emulator.adapters.boot import boot_id
from processing_emulator.adapters.docker_runtime.host import DockerHostProbe
from processing_emulator.aws.signatures.container_session import session_issuer
from processing_emulator.config import ContainerCredentials, GpuPolicy, LimitPolicy, Runner, Settings
from processing_emulator.domain.capacity import Sizing
from processing_emulator.domain.container_contract import ContainerAccess
from processing_emulator.domain.job import LOCAL_NODE, SIMULATED_NODE
from processing_emulator.domain.kept_job import KeepPolicy
from processing_emulator.engine.dataset_queries import DatasetQueries
from processing_emulator.engine.debug_sessions import DebugSessions
from processing_emulator.engine.input_views import OverlaySupport
from processing_emulator.engine.instance import RunnerOptions, RunnerTools
from processing_emulator.engine.keeping import Keeping
from processing_emulator.engine.local_backend import LocalBackend
from processing_emulator.engine.reaper import Reaper
from processing_emulator.engine.sample_writer import SampleWriter
from processing_emulator.engine.scheduler import Scheduler
from processing_emulator.engine.staging_totals import StagingTotals
from processing_emulator.server.adapters import Adapters

_MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEngine:
    """Not started yet."""

    scheduler: Scheduler
    reaper: Reaper
    debug: DebugSessions
    samples: SampleWriter
    staging: StagingTotals
    backend: LocalBackend


def build_job_engine(settings: Settings, adapters: Adapters) -> JobEngine:
    """The engine over these adapters."""
    jobs, clock = adapters.stores.jobs, adapters.clock
    samples = SampleWriter(adapters.stores.metrics, clock, settings.samples_kept_hours * 3600)
    tools = RunnerTools(
        runtime=adapters.runtime,
        objects=adapters.objects,
        journal=jobs,
        logs=adapters.stores.logs,
        samples=samples,
        gpus=adapters.gpus,
        volumes=adapters.volumes,
        queries=DatasetQueries(adapters.objects, adapters.queries, adapters.volumes, adapters.hooks.catalogue),
        clock=clock,
        cache=adapters.cache,
        overlays=OverlaySupport(adapters.runtime, may_remove=sys.platform == "linux" and os.geteuid() == 0),
        options=_runner_options(settings, adapters),
    )
    memory = settings.capacity_memory_mib * _MIB if settings.capacity_memory_mib else None
    node = SIMULATED_NODE if settings.runner is Runner.SIMULATE else LOCAL_NODE
    host = DockerHostProbe(adapters.runtime, adapters.gpus, settings.capacity_cpus, memory, node)
    sizing = Sizing(
        scale=settings.instance_scale,
        whole=settings.instance_limits is LimitPolicy.REFUSE,
        gpu_fallback=settings.gpu is GpuPolicy.CPU_FALLBACK,
    )
    policy = keep_policy(settings)
    backend = LocalBackend(tools, host, adapters.data.jobs, adapters.data.views, sizing)
    reaper = Reaper(jobs, backend, clock, settings.reaper_interval_seconds, policy)
    keeping = Keeping(policy=policy, on_kept=reaper.wake)
    return JobEngine(
        scheduler=Scheduler(jobs, backend, clock, settings.engine_patience_seconds, boot_id(), keeping=keeping),
        reaper=reaper,
        debug=DebugSessions(jobs, backend, clock, policy, reaper),
        samples=samples,
        staging=tools.staging,
        backend=backend,
    )


def keep_policy(settings: Settings) -> KeepPolicy:
    """Simulated containers leave nothing to look into."""
    minutes = settings.keep_failed_minutes
    return KeepPolicy(
        time=None if minutes is None else timedelta(minutes=minutes),
        most=0 if settings.runner is Runner.SIMULATE else settings.keep_failed_jobs,
        sweep_every=timedelta(seconds=settings.reaper_interval_seconds),
    )


def _runner_options(settings: Settings, adapters: Adapters) -> RunnerOptions:
    return RunnerOptions(
        emulator_id=adapters.data.emulator_id(),
        pull_policy=settings.pull_policy,
        image_map=settings.image_map,
        network=adapters.location.network,
        container_access=_container_access(settings, adapters),
        stop_signal=settings.stop_signal,
        stop_grace_seconds=settings.stop_grace_seconds,
        upload_when_stopped=settings.upload_when_stopped,
        shm_share=settings.shm_share,
        sample_interval_seconds=settings.sample_interval_seconds,
        continuous_upload_interval_seconds=settings.continuous_upload_interval_seconds,
        engine_patience_seconds=settings.engine_patience_seconds,
    )


def _container_access(settings: Settings, adapters: Adapters) -> ContainerAccess:
    """Where containers find the emulator, and the keys they get."""
    address = adapters.location.address
    if not settings.container_endpoints or address is None:
        return ContainerAccess()
    url = f"http://{address}:{adapters.listening.port}"
    match settings.container_credentials:
        case ContainerCredentials.NONE:
            return ContainerAccess(endpoint_url=url)
        case ContainerCredentials.EMULATOR if settings.enforce_signatures:
            return ContainerAccess(endpoint_url=url, issue=session_issuer(adapters.keys.session_tokens, adapters.clock))
        case ContainerCredentials.EMULATOR:
            return ContainerAccess(endpoint_url=url, secret_key="emulator")  # noqa: S106  # a placeholder
        case ContainerCredentials.S3:
            secret = settings.s3_secret_key.get_secret_value()
            return ContainerAccess(endpoint_url=url, access_key=settings.s3_access_key, secret_key=secret)
