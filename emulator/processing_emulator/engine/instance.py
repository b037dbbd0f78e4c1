"""What a runner is given: the task of one host, the tools of its machine, and the options of the emulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processing_emulator.domain import container_contract
from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import InstanceRecord, JobId, JobKey
from processing_emulator.domain.outcome import InstanceOutcome
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import JobSpec
from processing_emulator.domain.usage import UsageScale
from processing_emulator.engine.dataset_queries import DatasetQueries, OncePerJob
from processing_emulator.engine.input_views import OverlaySupport
from processing_emulator.engine.instance_journal import JournalStore
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.engine.sample_writer import SampleWriter
from processing_emulator.engine.staging_totals import StagingTotals
from processing_emulator.ports import (
    Clock,
    ContainerRuntime,
    ContainerSpec,
    GpuProbe,
    ImageInfo,
    LogStore,
    Mount,
    NetworkAttachment,
    ObjectStore,
    PullPolicy,
    Volumes,
)

LABEL_JOB_ID = "processing-emulator.job-id"


def job_labels(key: JobKey, job_id: JobId) -> Mapping[str, str]:
    """The labels of all that belongs to a job on the engine."""
    return {
        LABEL_JOB_ID: str(job_id),
        "processing-emulator.job-name": key.name,
        "processing-emulator.account": key.account,
        "processing-emulator.region": key.region,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """The user's settings for runners; the settings reference explains each.

    `network`: that of containers without peers; None for the network that keeps them apart from each other.
    `unhandled_grace_seconds`: most grace of a container whose first process has no handler for the stop signal. The
    kernel has dropped the signal, so nothing in there knows that it is to stop.
    """

    emulator_id: str
    pull_policy: PullPolicy = PullPolicy.MISSING
    image_map: Mapping[str, str]
    network: str | None = None
    container_access: container_contract.ContainerAccess
    stop_signal: str = "SIGTERM"
    stop_grace_seconds: float = 120.0
    unhandled_grace_seconds: float = 5.0
    upload_when_stopped: bool = False
    shm_share: float = 0.5
    sample_interval_seconds: float = 1.0
    continuous_upload_interval_seconds: float = 2.0
    engine_patience_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerTools:
    """The ports a runner works with."""

    runtime: ContainerRuntime
    objects: ObjectStore
    journal: JournalStore
    logs: LogStore
    samples: SampleWriter
    staging: StagingTotals = field(default_factory=StagingTotals)
    gpus: GpuProbe
    volumes: Volumes
    queries: DatasetQueries
    clock: Clock
    cache: ObjectCache
    overlays: OverlaySupport
    options: RunnerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceTask:
    """One host of one job. `folder` is the instance's own folder on this machine, `view_folder` that of the inputs
    which its container sees through an overlay, `once` what it shares with the job's other hosts.

    `attach` says how its container joins a network, None for none; it may ask the engine, and raises RuntimeFailure.
    `keeps_failed`: what a host leaves stays until it is known whether the job has failed.
    """

    key: JobKey
    request: Mapping[str, Any]
    spec: JobSpec
    hosts: tuple[str, ...]
    record: InstanceRecord
    folder: Path
    view_folder: Path
    once: OncePerJob = field(default_factory=OncePerJob)
    attach: Callable[[], NetworkAttachment | None]
    use_cache: bool = True
    keeps_failed: bool = False

    @property
    def usage_scale(self) -> UsageScale:
        """What is a hundred percent of memory and disk: the instance type's memory, also where the host has less."""
        instance_type = self.request["ProcessingResources"]["ClusterConfig"]["InstanceType"]
        return UsageScale(catalogue()[instance_type].memory_bytes, self.record.limits.volume_bytes)

    def container_name(self, emulator_id: str) -> str:
        """The same in every run of the emulator, so that a container is found again."""
        return f"{self.key.name}-{self.record.host}-{emulator_id}-{self.record.job_id}"

    def container_spec(
        self,
        image: ImageInfo,
        network: NetworkAttachment | None,
        options: RunnerOptions,
        mounts: tuple[Mount, ...],
    ) -> ContainerSpec:
        """The container of this host (spec 2)."""
        limits = self.record.limits
        return ContainerSpec(
            name=self.container_name(options.emulator_id),
            image=image.id,
            platform=image.platform,
            hostname=self.record.host,
            entrypoint=self.spec.entrypoint,
            arguments=self.spec.arguments,
            environment=container_contract.environment_of(self.spec, self.key, options.container_access),
            mounts=mounts,
            labels={**job_labels(self.key, self.record.job_id), "processing-emulator.host": self.record.host},
            limits=limits,
            shm_bytes=int(limits.memory_bytes * options.shm_share),
            network=network,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseReached:
    """The host has entered a phase."""

    index: int
    phase: JobPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStaged:
    """The host has its image and data and waits for `start_container`."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFailed:
    """The host's container has failed; what it leaves is yet to be uploaded and removed."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceEnded:
    """The host is done and has cleaned up."""

    index: int
    outcome: InstanceOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsUploaded:
    """The host has written these objects, or found them written; only of jobs with several hosts."""

    index: int
    uris: tuple[str, ...]


RunnerReport = PhaseReached | InstanceStaged | InstanceFailed | InstanceEnded | ObjectsUploaded
