"""A processing job as the emulator knows it, the ledger of what happened to it, and the facts of each instance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, NewType

from processing_emulator.domain.outcome import ContainerExit, Failure, StopCause
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus, status_of
from processing_emulator.domain.spec import InstanceChoice, choices_of

JobId = NewType("JobId", int)

NANOSECONDS = 1_000_000_000


class JobKey(NamedTuple):
    """How the API names a job: names are unique per account and region. Made for each request."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The name in the ARN is lower-cased; elsewhere it keeps its case (spec 1.6)."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:processing-job/{self.name.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """A moment of a machine's run: the id of its boot, and seconds of the monotonic clock, which nobody sets."""

    boot_id: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingJob:
    """One job; never mutated. `request` is the validated CreateProcessingJob request as sent, without Tags.

    `selected` is what the scheduler has chosen from InstancePreferences; None until then, and without them.
    `kept_until`: when what a failed job has left is removed; None if nothing was kept.
    """

    id: JobId
    key: JobKey
    phase: JobPhase
    request: Mapping[str, Any]
    created_at: datetime
    modified_at: datetime
    started_at: datetime | None = None
    started_uptime: Uptime | None = None
    ended_at: datetime | None = None
    stop_requested_at: datetime | None = None
    failure_reason: str | None = None
    exit_message: str | None = None
    selected: InstanceChoice | None = None
    kept_until: datetime | None = None

    @property
    def status(self) -> ProcessingJobStatus:
        """What Describe and List show."""
        return status_of(self.phase, stop_requested=self.stop_requested_at is not None)

    def not_before(self, at: datetime) -> datetime:
        """The moment of a change: `at`, or the last change's when the clock was set back meanwhile."""
        return max(at, self.modified_at)

    def is_kept(self, at: datetime) -> bool:
        """Whether the containers and files of the failed job are still there."""
        return self.kept_until is not None and at < self.kept_until

    @property
    def choice(self) -> InstanceChoice:
        """What it runs on; until that is chosen, what it asks for first."""
        return self.selected or choices_of(self.request["ProcessingResources"]["ClusterConfig"])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What may be stored together with a change of phase; None leaves the stored value alone."""

    started_at: datetime | None = None
    started_uptime: Uptime | None = None
    ended_at: datetime | None = None
    failure_reason: str | None = None
    exit_message: str | None = None
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One line of a job's history: a stable `action` and its details (JSON values only)."""

    at: datetime
    action: str
    detail: Mapping[str, Any] = field(default_factory=dict)


PROGRESS = "progress"
"""The action of events that say how far a transfer is."""

GPU_LOST = "gpu_lost"
"""The action of events that say that a GPU does not answer any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What was staged, in or out."""

    objects: int
    size_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCursor:
    """How far a container's log has been stored: resume at `second` and skip `lines_in_second` lines.

    `newest_ns` is the latest stamp of the stored lines. stdout and stderr are stamped independently, so a line stamped
    up to a second earlier may still come, and reading resumes one second before the newest. The engine filters lines
    one by one by their stamp, so the count of stored lines stamped at or after `second` is exact. `lines_in_newest`
    counts those stamped at or after `second + 1`, `lines` all that were stored.
    """

    newest_ns: int = 0
    lines_in_second: int = 0
    lines_in_newest: int = 0
    lines: int = 0

    @property
    def second(self) -> int:
        """The second before the newest line's."""
        return max(0, self.newest_ns // NANOSECONDS - 1)

    def advanced(self, stamps_ns: Sequence[int]) -> "LogCursor":
        """The cursor after storing lines with these stamps, in the order stored."""
        if not stamps_ns:
            return self
        newest_ns = max(self.newest_ns, max(stamps_ns))
        moved = LogCursor(newest_ns=newest_ns)
        start, newest = moved.second * NANOSECONDS, (moved.second + 1) * NANOSECONDS
        match moved.second - self.second:
            case 0:
                kept, kept_newest = self.lines_in_second, self.lines_in_newest
            case 1:
                kept, kept_newest = self.lines_in_newest, 0
            case _:
                kept, kept_newest = 0, 0
        return LogCursor(
            newest_ns=newest_ns,
            lines_in_second=kept + sum(1 for stamp in stamps_ns if stamp >= start),
            lines_in_newest=kept_newest + sum(1 for stamp in stamps_ns if stamp >= newest),
            lines=self.lines + len(stamps_ns),
        )


LOCAL_NODE = "local"
"""The machine that the server runs on. A constant, because the name of a machine may change between two runs."""

SIMULATED_NODE = "simulated"
"""The node of hosts whose containers are simulated, as `/_emulator/jobs/NAME` shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one instance may use on which node; `capped`: the node has less than the instance type promises.

    `vcpus` bounds the container, `reserved_vcpus` is what it holds of the host's capacity: they differ when the
    capacity is configured higher than the CPUs that are really there.
    """

    node: str = LOCAL_NODE
    vcpus: float
    reserved_vcpus: float
    memory_bytes: int
    gpu_ids: tuple[str, ...] = ()
    volume_bytes: int
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """The stored facts of one host of a job; enough to reattach after a crash.

    `stopped`: why the emulator ended the run, stored before the signal is sent; None while nothing was cut short.
    `memory_high_water_bytes`: the most memory that the container ever used, with file cache, as far as the kernel said.
    """

    job_id: JobId
    index: int
    limits: Limits
    container_id: str | None = None
    container_started_at: datetime | None = None
    cursor: LogCursor = LogCursor()
    exit: ContainerExit | None = None
    exit_message: str | None = None
    failure: Failure | None = None
    stopped: StopCause | None = None
    memory_high_water_bytes: int | None = None
    staged_in: Transfer | None = None
    staged_out: Transfer | None = None

    @property
    def host(self) -> str:
        """`algo-1` is index 0."""
        return f"algo-{self.index + 1}"

    @property
    def node(self) -> str:
        """The machine that it was placed on."""
        return self.limits.node
