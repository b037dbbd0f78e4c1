"""Which failed jobs keep their containers and files for a while, so that somebody can look into them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from processing_emulator.domain.default_account import DEFAULT_ACCOUNT, DEFAULT_REGION
from processing_emulator.domain.job import LOCAL_NODE, InstanceRecord, JobEvent, JobKey

KEEP_FAILED_TAG = "processing-emulator:keep-failed"
"""The tag by which a job says whether it is kept when it fails, whatever the setting says."""

KEEP_FAILED_TAG_VALUES = ("on", "off")

TIME_OF_TAGGED_JOBS = timedelta(hours=1)
"""How long a job with the tag is kept where the setting keeps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPolicy:
    """The user's settings. `time` None: only jobs with the tag are kept. `most`: jobs kept side by side; 0: none.
    `sweep_every`: how often the reaper looks who looks into a job.
    """

    time: timedelta | None = None
    most: int = 0
    sweep_every: timedelta = timedelta()

    def applies_to(self, tags: Mapping[str, str]) -> bool:
        """Whether a job with these tags is kept when it fails."""
        wish = tags.get(KEEP_FAILED_TAG, "off" if self.time is None else "on")
        return self.most > 0 and wish == "on"

    @property
    def kept_for(self) -> timedelta:
        """How long, from the end of the job."""
        return TIME_OF_TAGGED_JOBS if self.time is None else self.time

    @property
    def kept_for_a_look(self) -> timedelta:
        """How long from the moment at which somebody looks. Half of it is more than the time between two sweeps."""
        return max(self.kept_for, 3 * self.sweep_every)


def has_had_container(records: Sequence[InstanceRecord]) -> bool:
    """Whether a job had a container on this machine; without one there is nothing to look into."""
    return any(record.container_id is not None and record.node == LOCAL_NODE for record in records)


def kept_event(key: JobKey, at: datetime, until: datetime) -> JobEvent:
    """The line of a job's history that says until when it is kept, and how to look into it."""
    detail = {"until": until.isoformat(timespec="seconds"), "command": debug_command(key)}
    return JobEvent(at=at, action="kept", detail=detail)


def debug_command(key: JobKey) -> str:
    """What somebody types to look into a kept job."""
    account = "" if key.account == DEFAULT_ACCOUNT else f" --account {key.account}"
    region = "" if key.region == DEFAULT_REGION else f" --region {key.region}"
    return f"processing-emulator debug {key.name}{account}{region}"
