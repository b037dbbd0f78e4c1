"""The events `SageMaker Processing Job State Change` that the service sends to EventBridge (spec 5.5)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from processing_emulator.domain.job import JobEvent, ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus

SOURCE: Final = "aws.sagemaker"
DETAIL_TYPE: Final = "SageMaker Processing Job State Change"

ACTIONS: Final = ("created", "stop_requested", "phase_changed")
"""The events of a job's history that may be a change of its state at the API."""

Description = Callable[[ProcessingJob], Mapping[str, object]]
"""The members of DescribeProcessingJob."""


def changes_state(event: JobEvent, phase: JobPhase) -> bool:
    """Whether clients learn of this event of a job's history: that it was created, has started, stops or has ended.

    `phase` is that of the job after the event. A stop is told twice, when it is asked for and when it begins; several
    events for a change are normal with the service (spec 5.5).
    """
    match event.action:
        case "created" | "stop_requested":
            return True
        case "phase_changed":
            return event.detail["from"] == JobPhase.PENDING or phase is JobPhase.STOPPING or phase.is_terminal
        case _:
            return False


def job_at_event(job: ProcessingJob, event: JobEvent, phase: JobPhase, status: ProcessingJobStatus) -> ProcessingJob:
    """The job as it was right after an event, from the job as it is now."""
    is_pending = phase is JobPhase.PENDING
    return replace(
        job,
        phase=phase,
        modified_at=event.at,
        started_at=None if is_pending else job.started_at,
        stop_requested_at=event.at if status is ProcessingJobStatus.STOPPING else None,
        selected=None if is_pending else job.selected,
    )


def state_change_document(job: ProcessingJob, at: datetime, place: int, describe: Description) -> Mapping[str, Any]:
    """The event, as JSON values. `place` in the feed of all events makes its id, the same whenever it is asked for.

    Moments in `detail` are integers, in milliseconds (P-D15).
    """
    return {
        "version": "0",
        "id": str(uuid5(NAMESPACE_URL, f"{job.key.arn}#{_milliseconds(job.created_at)}#{place}")),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": job.key.account,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": job.key.region,
        "resources": [job.key.arn],
        "detail": {name: _json_value(value) for name, value in describe(job).items()},
    }


def _json_value(value: object) -> object:
    """Plain texts, too, which patterns compare by kind."""
    match value:
        case datetime():
            return _milliseconds(value)
        case StrEnum():
            return value.value
        case _:
            return value


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
