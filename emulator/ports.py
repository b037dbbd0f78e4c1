"""What the core asks of the outside world. Adapters implement these; `emulator.testing` has working fakes of all.

All calls are synchronous and may be made from any thread. Only errors of `emulator.errors` cross a port.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from emulator.domain.capacity import HostCapacity
from emulator.domain.job import (
    InstanceRecord,
    JobEvent,
    JobFacts,
    JobId,
    JobKey,
    Limits,
    LogCursor,
    NewJob,
    ProcessingJob,
    Transfer,
)
from emulator.domain.log_events import LogLine
from emulator.domain.outcome import ContainerExit
from emulator.domain.phase import JobPhase, ProcessingJobStatus
from emulator.domain.spec import InstanceChoice
from emulator.domain.staging import PlannedFile, StoredObject
from emulator.domain.usage import GpuReading, UsageReading, UsageSample


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """The present moment: aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        ...


class CancelToken(Protocol):
    """Tells long work that nobody waits for it any more; `threading.Event` is one."""

    def is_set(self) -> bool:
        """True once the work is to be given up."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` seconds; True when set."""
        ...


# --- the store -------------------------------------------------------------------------------------------


class SortBy(StrEnum):
    """Sort keys of ListProcessingJobs."""

    NAME = "Name"
    CREATION_TIME = "CreationTime"
    STATUS = "Status"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs of one account and region to list. Time bounds are exclusive (spec 1.5).

    `after` continues behind the last row of the page before: its (sort value, id), as given by `JobPage.last`.
    """

    account: str
    region: str
    limit: int
    sort_by: SortBy = SortBy.CREATION_TIME
    descending: bool = False
    name_contains: str | None = None
    status: ProcessingJobStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    after: tuple[str | int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Full pages: filters are applied before paging. `last` is None when nothing follows."""

    jobs: tuple[ProcessingJob, ...]
    last: tuple[str | int, int] | None


class JobStore(Protocol):
    """Jobs, their history and their instances. Changes of phase are compare-and-set."""

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """Store a new job in PENDING with its first event. Raises JobNameInUse (names compare without case)."""
        ...

    def add_all(self, new: Sequence[NewJob]) -> Sequence[ProcessingJob | None]:
        """Store new jobs together, as `add` does each; in their order, None for each whose name is in use."""
        ...

    def find(self, key: JobKey) -> ProcessingJob | None:
        """The job of exactly that name, case included; not a deleted one."""
        ...

    def find_all(self, keys: Sequence[JobKey]) -> Mapping[JobKey, ProcessingJob]:
        """`find` for many keys at once: the jobs that there are."""
        ...

    def find_any_case(self, key: JobKey) -> ProcessingJob | None:
        """The job of that name in any case, as an ARN names it (spec 1.6); not a deleted one."""
        ...

    def get(self, job_id: JobId) -> ProcessingJob:
        """The job of that id, deleted or not. Raises JobNotFound."""
        ...

    def list_page(self, query: JobQuery) -> JobPage:
        """One page of jobs."""
        ...

    def list_unfinished(self) -> Sequence[ProcessingJob]:
        """All jobs not in a terminal phase, first come first."""
        ...

    def advance(
        self, job_id: JobId, expected: JobPhase, to: JobPhase, at: datetime, facts: JobFacts | None = None
    ) -> ProcessingJob:
        """Move a job, with an event in the same transaction. Raises StaleJob when it is not in `expected`,
        InternalBug when the table of transitions forbids the move."""
        ...

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """Record the wish to stop. Raises JobNotStoppable when the job is terminal or the wish was recorded before."""
        ...

    def select(self, job_id: JobId, choice: InstanceChoice) -> ProcessingJob:
        """Record what a job with InstancePreferences will run on. Raises JobNotFound."""
        ...

    def delete(self, job_id: JobId, at: datetime) -> None:
        """Take a job out of every look-up but the one by id, tags too; its name is free again, its log stays.

        Raises JobNotDeletable when it is not terminal, JobNotFound when it was deleted before.
        """
        ...

    def clear(self) -> int:
        """Forget everything of all accounts, logs and samples too, in one transaction; how many jobs that were.

        An id that was given is never given again.
        """
        ...

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """Append to the job's history."""
        ...

    def add_events(self, events: Mapping[JobId, JobEvent]) -> None:
        """Append one event to the history of each of these jobs, as far as they exist."""
        ...

    def list_events(self, job_id: JobId) -> Sequence[JobEvent]:
        """The job's history in order."""
        ...

    def list_tags(self, job_id: JobId) -> Mapping[str, str]:
        """The job's tags."""
        ...

    def put_tags(self, job_id: JobId, tags: Mapping[str, str], limit: int) -> Mapping[str, str]:
        """Add tags, or overwrite those of the same key; all tags of the job afterwards.

        Raises ValidationFailed, and changes nothing, when there would be more than `limit`; JobNotFound.
        """
        ...

    def remove_tags(self, job_id: JobId, keys: Collection[str]) -> None:
        """Remove the tags of these keys, as far as there are any."""
        ...

    def ensure_instance(self, job_id: JobId, index: int, limits: Limits) -> InstanceRecord:
        """The record of one host; made on the first call, with the limits given; left as it is on later ones."""
        ...

    def list_instances(self, job_id: JobId) -> Sequence[InstanceRecord]:
        """All hosts of a job, in order."""
        ...

    def save_instance(self, record: InstanceRecord) -> None:
        """Store all facts of an instance but its cursor, which belongs to the log."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLine:
    """A line on its way into the store; `at_ns` is the engine's stamp."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """The output of one instance that has printed something. Moments are milliseconds; `lines` counts what is stored.

    `name` is CloudWatch's: `<job>/algo-<n>-<second in which the job started>` (spec 5.1). `ended`: the job has ended,
    so no line will follow. Deleting a job leaves its streams.
    """

    job_id: JobId
    index: int
    name: str
    lines: int
    first_at_ms: int
    last_at_ms: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamQuery:
    """Which streams of one account and region to list, by name or, `by_time`, by their latest line.

    `after` continues behind the last stream of the page before: its (`last_at_ms`, or 0 by name; name).
    """

    account: str
    region: str
    limit: int
    prefix: str = ""
    by_time: bool = False
    descending: bool = False
    after: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPage:
    """`last` is None when nothing follows."""

    streams: tuple[LogStream, ...]
    last: tuple[int, str] | None


class LogStore(Protocol):
    """Every line of every instance, in order, numbered from 0. Built for millions: lines lie in packed chunks."""

    def append(self, job_id: JobId, index: int, lines: Sequence[RawLine], cursor: LogCursor) -> None:
        """Store lines behind the last ones and move the cursor, in one transaction.

        `cursor.next_seq` is the number of lines stored after this call. Raises StaleJob when somebody else wrote.
        """
        ...

    def read(self, job_id: JobId, index: int, from_seq: int, limit: int) -> Sequence[LogLine]:
        """At most `limit` lines from `from_seq` on."""
        ...

    def find_since(self, job_id: JobId, index: int, at_ms: int) -> int | None:
        """The number of the first line stamped at or after a moment; stamps may go back afterwards."""
        ...

    def latest_before(self, job_id: JobId, index: int, seq: int) -> int:
        """The latest stamp of all lines before that number, 0 when there are none."""
        ...

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """One page of streams, those of deleted jobs too."""
        ...

    def find_stream(self, account: str, region: str, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        ...

    def first_stream(self, account: str, region: str) -> LogStream | None:
        """The stream of the first job that printed something, None before that."""
        ...


class LogActivity(Protocol):
    """Tells whether a log has come to rest."""

    def newest_append(self, job_id: JobId, index: int) -> int:
        """A number that changes whenever an append to this log begins."""
        ...

    def is_settled(self, job_id: JobId, index: int) -> bool:
        """Whether no line that comes from now on will join the event that the last stored line belongs to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePeaks:
    """The highest figures of an instance, zero or None when nothing was sampled."""

    samples: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None


class SampleStore(Protocol):
    """Usage samples of instances, one row a second."""

    def append_sample(self, job_id: JobId, index: int, sample: UsageSample) -> None:
        """Store one sample; a second one of the same millisecond replaces the first."""
        ...

    def read_samples(self, job_id: JobId, index: int, since: datetime, until: datetime) -> Sequence[UsageSample]:
        """Samples with since <= at < until, in order."""
        ...

    def peaks(self, job_id: JobId, index: int) -> UsagePeaks:
        """The highest figures so far."""
        ...


# --- the container engine --------------------------------------------------------------------------------


class PullPolicy(StrEnum):
    """When an image is fetched from its registry."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """A folder of this machine and where the container sees it."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to be created. `entrypoint` given: the image's ENTRYPOINT and CMD are both ignored (spec 2.1)."""

    name: str
    image: str
    hostname: str
    entrypoint: tuple[str, ...] | None
    arguments: tuple[str, ...] | None
    environment: Mapping[str, str]
    mounts: tuple[BindMount, ...]
    labels: Mapping[str, str]
    limits: Limits
    shm_bytes: int
    isolated: bool


class ContainerState(StrEnum):
    """The states of a container that matter to us."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInfo:
    """A container as the engine knows it. `exit` is there once it has exited."""

    id: str
    name: str
    state: ContainerState
    labels: Mapping[str, str]
    pid: int = 0
    exit: ContainerExit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What the engine says of itself and its host."""

    version: str
    cpus: int
    memory_bytes: int
    storage_driver: str
    cgroup_version: str


class ContainerRuntime(Protocol):
    """The container engine of the machine this code runs on. Stop and remove are idempotent."""

    def info(self) -> EngineInfo:
        """Raises RuntimeUnavailable when the engine does not answer."""
        ...

    def ensure_image(
        self, reference: str, policy: PullPolicy, on_progress: Callable[[str], None], cancel: CancelToken
    ) -> str:
        """The id of the image, pulled if the policy says so; one pull per reference however many ask.

        Raises ImageNotFound, Cancelled, RuntimeUnavailable.
        """
        ...

    def find(self, name: str) -> ContainerInfo | None:
        """The container of that name."""
        ...

    def create(self, spec: ContainerSpec) -> str:
        """Create, not start; the id. Raises StartRejected when the engine refuses the spec, ImageNotFound."""
        ...

    def start(self, container_id: str) -> None:
        """Start; a container that runs already is left alone. Raises StartRejected, ContainerGone."""
        ...

    def inspect(self, container_id: str) -> ContainerInfo:
        """Raises ContainerGone."""
        ...

    def wait(self, container_id: str) -> ContainerExit:
        """Block until the container has exited. Raises ContainerGone, RuntimeUnavailable."""
        ...

    def signal(self, container_id: str, signal: str) -> None:
        """Send a signal to its first process; nothing happens when it has exited or is gone."""
        ...

    def remove(self, container_id: str) -> None:
        """Kill and remove it with its anonymous volumes; nothing happens when it is gone."""
        ...

    def list_ours(self) -> Sequence[ContainerInfo]:
        """All containers, in any state, that carry this emulator's label."""
        ...

    def stream_logs(self, container_id: str, since_second: int) -> Iterator[Sequence[RawLine]]:
        """Batches of output lines stamped at or after `since_second`, until the container has exited.

        Each write of up to 16,384 bytes up to a newline is a line. Ends early, without an error, when the engine
        goes away; raises ContainerGone.
        """
        ...

    def read_usage(self, container_id: str) -> UsageReading | None:
        """CPU and memory at this moment, None when the container does not run."""
        ...


class GpuProbe(Protocol):
    """The GPUs of this machine."""

    def gpu_ids(self) -> tuple[str, ...]:
        """The UUIDs of all GPUs; empty without driver or GPU."""
        ...

    def read(self, gpu_ids: tuple[str, ...]) -> tuple[GpuReading, ...]:
        """One reading for each id that answers."""
        ...


class HostProbe(Protocol):
    """What this machine gives to jobs."""

    def capacity(self) -> HostCapacity:
        """Raises RuntimeUnavailable as long as the engine does not answer."""
        ...


# --- the object store ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A regular file to be uploaded, and its key."""

    path: Path
    bucket: str
    key: str
    size_bytes: int


class ObjectStore(Protocol):
    """An S3 store. Transfers run in parallel, in a bounded pool shared by all jobs."""

    def iter_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """All objects whose key starts with the prefix, in UTF-8 order.

        Raises ObjectStoreRefused (NoSuchBucket, AccessDenied, ...), ObjectStoreUnreachable.
        """
        ...

    def download(self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken) -> Transfer:
        """Fetch all files below `folder`, whose sub-folders exist; files appear whole or not at all.

        Raises ObjectStoreRefused, ObjectStoreUnreachable, DiskFull, UnsafePath, Cancelled.
        """
        ...

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken) -> Transfer:
        """Store all files; symlinks are never followed. Raises as `download` does."""
        ...


# --- the engine, as the API sees it ----------------------------------------------------------------------


class Wakeup(Protocol):
    """The API's way to tell the engine that something has changed in the store; never blocks, never fails."""

    def job_added(self, job_id: JobId) -> None:
        """A job waits for admission."""
        ...

    def stop_requested(self, job_id: JobId) -> None:
        """A wish to stop was recorded."""
        ...
