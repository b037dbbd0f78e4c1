"""Jobs, logs and instances as the JSON of the emulator's own endpoints. Times are ISO 8601, UTC, with milliseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from processing_emulator.domain.cloud_job import Finding, Verdict
from processing_emulator.domain.job import PROGRESS, InstanceRecord, JobEvent, Limits, ProcessingJob, Transfer
from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.usage import UsagePeaks

Document = dict[str, object]
"""JSON values only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a job has not been admitted yet, and its place in the queue, counted from 1."""

    reason: str | None
    queue_position: int


def job_document(
    job: ProcessingJob,
    *,
    waiting: Waiting | None,
    instances: Sequence[tuple[InstanceRecord, UsagePeaks]],
    right_sizing: Document | None,
    events: Sequence[JobEvent],
    findings: Sequence[Finding],
    debug: str | None,
) -> Document:
    """Everything known of one job. `findings`: what the service would say to it; `debug`: how to look into it."""
    return {
        "name": job.key.name,
        "arn": job.key.arn,
        "status": job.status,
        "phase": job.phase,
        "failureReason": job.failure_reason,
        "exitMessage": job.exit_message,
        "createdAt": moment(job.created_at),
        "startedAt": moment(job.started_at),
        "endedAt": moment(job.ended_at),
        "keptUntil": moment(job.kept_until),
        "debug": debug,
        "waiting": waiting and {"reason": waiting.reason, "queuePosition": waiting.queue_position},
        "instances": [
            {**instance_document(record, peaks), "transfer": _current_transfer(job.phase, record, events)}
            for record, peaks in instances
        ],
        "rightSizing": right_sizing,
        "events": [event_document(event) for event in events if event.action != PROGRESS],
        "cloudReadiness": {
            "ready": all(finding.verdict is not Verdict.REFUSED for finding in findings),
            "findings": [finding_document(finding) for finding in findings],
        },
    }


def request_document(job: ProcessingJob, tags: Mapping[str, str]) -> Document:
    """The request as it was sent, with the tags that the job has now."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {**job.request, **({"Tags": listed} if listed else {})}


def finding_document(finding: Finding) -> Document:
    """One finding on a job's way to the cloud."""
    return {
        "rule": finding.rule,
        "verdict": finding.verdict,
        "member": finding.member,
        "sentence": finding.sentence,
    }


def job_summary(job: ProcessingJob) -> Document:
    """One job in a list."""
    return {
        "name": job.key.name,
        "arn": job.key.arn,
        "account": job.key.account,
        "region": job.key.region,
        "status": job.status,
        "phase": job.phase,
        "failureReason": job.failure_reason,
        "createdAt": moment(job.created_at),
        "startedAt": moment(job.started_at),
        "endedAt": moment(job.ended_at),
    }


def instance_document(record: InstanceRecord, peaks: UsagePeaks) -> Document:
    """One host of a job."""
    return {
        "host": record.host,
        "node": record.node,
        "limits": _limits(record.limits),
        "stagedIn": _transfer(record.staged_in),
        "stagedOut": _transfer(record.staged_out),
        "peaks": _peaks(peaks),
        "logLines": record.cursor.lines,
        "exitCode": record.exit.code if record.exit else None,
        "failure": record.failure.reason if record.failure else None,
        "stopped": str(record.stopped) if record.stopped else None,
    }


_DIRECTIONS = {JobPhase.STAGING_IN: "in", JobPhase.STAGING_OUT: "out"}


def _current_transfer(phase: JobPhase, record: InstanceRecord, events: Sequence[JobEvent]) -> Document | None:
    """How far the host's transfer is, if one is running and has taken longer than a second."""
    direction = _DIRECTIONS.get(phase)
    finished = record.staged_in if direction == "in" else record.staged_out
    if direction is None or finished is not None:
        return None
    for event in reversed(events):
        said = event.detail
        if event.action == PROGRESS and (said["host"], said["direction"]) == (record.host, direction):
            return {
                "direction": direction,
                "at": moment(event.at),
                "objects": said["objects"],
                "totalObjects": said["total_objects"],
                "bytes": said["bytes"],
                "totalBytes": said["total_bytes"],
                "bytesPerSecond": said["bytes_per_second"],
                "remainingSeconds": said["remaining_seconds"],
            }
    return None


def event_document(event: JobEvent) -> Document:
    """One line of a job's history."""
    return {"at": moment(event.at), "action": event.action, "detail": dict(event.detail)}


def log_document(events: Sequence[StoredEvent], seq: int) -> Document:
    """Events from a number on, and where to continue."""
    return {"events": [log_event_document(event) for event in events], "next": events[-1].seq + 1 if events else seq}


def log_event_document(event: StoredEvent) -> Document:
    """One event of a log."""
    return {"seq": event.seq, "at": _milliseconds(event.at_ms), "message": event.message}


def moment(at: datetime | None) -> str | None:
    """`2026-01-31T12:00:00.000Z`."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(at_ms: int) -> str | None:
    seconds, milliseconds = divmod(at_ms, 1000)
    return moment(datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000))


def _limits(limits: Limits) -> Mapping[str, object]:
    return {
        "vcpus": limits.vcpus,
        "memoryBytes": limits.memory_bytes,
        "volumeBytes": limits.volume_bytes,
        "gpuIds": list(limits.gpu_ids),
        "capped": limits.capped,
    }


def _transfer(transfer: Transfer | None) -> Mapping[str, object] | None:
    if transfer is None:
        return None
    return {"objects": transfer.objects, "bytes": transfer.size_bytes, "seconds": transfer.seconds}


def _peaks(peaks: UsagePeaks) -> Mapping[str, object]:
    return {
        "samples": peaks.samples,
        "cpuPercent": peaks.cpu_percent,
        "memoryBytes": peaks.memory_bytes,
        "memoryHighWaterBytes": peaks.memory_high_water_bytes,
        "diskBytes": peaks.disk_bytes,
        "gpuPercent": peaks.gpu_percent,
        "gpuMemoryPercent": peaks.gpu_memory_percent,
    }
