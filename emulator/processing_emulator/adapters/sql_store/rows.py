"""Rows become values of the domain, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from processing_emulator.adapters.sql_store.timestamps import from_ms, from_ms_or_none, to_ms, to_ms_or_none
from processing_emulator.domain.job import (
    InstanceRecord,
    JobEvent,
    JobFacts,
    JobId,
    JobKey,
    Limits,
    LogCursor,
    ProcessingJob,
    Transfer,
    Uptime,
)
from processing_emulator.domain.outcome import ContainerExit, Failure, FailureClass, StopCause
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.domain.spec import InstanceChoice, choices_of
from processing_emulator.ports import FeedEvent


def storable(text: str | None) -> str | None:
    """Text from outside, with `?` for what not every database can hold: halves of surrogate pairs, and NUL."""
    return None if text is None else text.encode(errors="replace").decode().replace("\0", "?")


def is_storable(text: str) -> bool:
    """Whether every database can hold the text; nothing stored is equal to a text that none can."""
    return text == storable(text)


def new_job_columns(key: JobKey, request: Mapping[str, Any], at: datetime) -> Mapping[str, object]:
    """To a row of `jobs`."""
    first_choice = choices_of(request["ProcessingResources"]["ClusterConfig"])[0]
    return {
        "account": key.account,
        "region": key.region,
        "name": key.name,
        "folded_name": key.name.lower(),
        "phase": JobPhase.PENDING.value,
        "created_at_ms": to_ms(at),
        "modified_at_ms": to_ms(at),
        "instance_type": first_choice.instance_type,
        "instance_count": first_choice.count,
    }


def job_of(row: Row[Any]) -> ProcessingJob:
    """From a row of `jobs` joined with its request."""
    return ProcessingJob(
        id=JobId(row.id),
        key=JobKey(account=row.account, region=row.region, name=row.name),
        phase=JobPhase(row.phase),
        request=row.request,
        created_at=from_ms(row.created_at_ms),
        modified_at=from_ms(row.modified_at_ms),
        started_at=from_ms_or_none(row.started_at_ms),
        started_uptime=_uptime(row.started_boot_id, row.started_uptime_seconds),
        ended_at=from_ms_or_none(row.ended_at_ms),
        stop_requested_at=from_ms_or_none(row.stop_requested_at_ms),
        failure_reason=row.failure_reason,
        exit_message=row.exit_message,
        selected=_choice(row.selected_type, row.selected_count),
        kept_until=from_ms_or_none(row.kept_until_ms),
    )


def facts_columns(facts: JobFacts) -> Mapping[str, str | float]:
    """The columns that the facts given change."""
    uptime = facts.started_uptime
    columns: dict[str, str | float | None] = {
        "started_at_ms": to_ms_or_none(facts.started_at),
        "started_boot_id": uptime.boot_id if uptime else None,
        "started_uptime_seconds": uptime.seconds if uptime else None,
        "ended_at_ms": to_ms_or_none(facts.ended_at),
        "failure_reason": storable(facts.failure_reason),
        "exit_message": storable(facts.exit_message),
        "kept_until_ms": to_ms_or_none(facts.kept_until),
    }
    return {name: value for name, value in columns.items() if value is not None}


def _uptime(boot_id: str | None, seconds: float | None) -> Uptime | None:
    return None if boot_id is None or seconds is None else Uptime(boot_id=boot_id, seconds=seconds)


def event_of(row: Row[Any]) -> JobEvent:
    """From a row of `job_events`."""
    return JobEvent(at=from_ms(row.at_ms), action=row.action, detail=row.detail)


def feed_event_of(row: Row[Any]) -> FeedEvent:
    """From a row of `job_events` joined with the names of its job."""
    return FeedEvent(
        id=row.id,
        job_id=JobId(row.job_id),
        key=JobKey(account=row.account, region=row.region, name=row.name),
        phase=JobPhase(row.phase),
        status=ProcessingJobStatus(row.status),
        event=event_of(row),
    )


def event_columns(event: JobEvent) -> Mapping[str, object]:
    """To the columns of `job_events` that say what happened."""
    return {"at_ms": to_ms(event.at), "action": event.action, "detail": dict(event.detail)}


def limits_columns(limits: Limits) -> Mapping[str, object]:
    """The columns of `instances` that hold limits."""
    return {
        "node": limits.node,
        "vcpus": limits.vcpus,
        "reserved_vcpus": limits.reserved_vcpus,
        "memory_bytes": limits.memory_bytes,
        "gpu_ids": list(limits.gpu_ids),
        "volume_bytes": limits.volume_bytes,
        "capped": limits.capped,
    }


def instance_columns(record: InstanceRecord) -> Mapping[str, object]:
    """The columns of `instances` that hold facts: all but the key and the cursor."""
    return {
        **limits_columns(record.limits),
        "container_id": record.container_id,
        "container_started_at_ms": to_ms_or_none(record.container_started_at),
        "exit_code": record.exit.code if record.exit else None,
        "exit_out_of_memory": record.exit.out_of_memory if record.exit else None,
        "exit_message": storable(record.exit_message),
        "failure_kind": str(record.failure.kind) if record.failure else None,
        "failure_text": storable(record.failure.text) if record.failure else None,
        "stop_cause": str(record.stopped) if record.stopped else None,
        "memory_high_water_bytes": record.memory_high_water_bytes,
        **_transfer_columns("staged_in", record.staged_in),
        **_transfer_columns("staged_out", record.staged_out),
    }


def instance_of(row: Row[Any]) -> InstanceRecord:
    """From a row of `instances`."""
    return InstanceRecord(
        job_id=JobId(row.job_id),
        index=row.instance_index,
        limits=Limits(
            node=row.node,
            vcpus=row.vcpus,
            reserved_vcpus=row.reserved_vcpus,
            memory_bytes=row.memory_bytes,
            gpu_ids=tuple(row.gpu_ids),
            volume_bytes=row.volume_bytes,
            capped=row.capped,
        ),
        container_id=row.container_id,
        container_started_at=from_ms_or_none(row.container_started_at_ms),
        cursor=LogCursor(
            newest_ns=row.cursor_newest_ns,
            lines_in_second=row.cursor_lines_in_second,
            lines_in_newest=row.cursor_lines_in_newest,
            lines=row.cursor_lines,
        ),
        exit=None if row.exit_code is None else ContainerExit(code=row.exit_code, out_of_memory=row.exit_out_of_memory),
        exit_message=row.exit_message,
        failure=None
        if row.failure_kind is None
        else Failure(kind=FailureClass(row.failure_kind), text=row.failure_text),
        stopped=None if row.stop_cause is None else StopCause(row.stop_cause),
        memory_high_water_bytes=row.memory_high_water_bytes,
        staged_in=_transfer(row.staged_in_objects, row.staged_in_bytes, row.staged_in_seconds),
        staged_out=_transfer(row.staged_out_objects, row.staged_out_bytes, row.staged_out_seconds),
    )


def _choice(instance_type: str | None, count: int | None) -> InstanceChoice | None:
    if instance_type is None or count is None:
        return None
    return InstanceChoice(instance_type=instance_type, count=count)


def _transfer_columns(prefix: str, transfer: Transfer | None) -> Mapping[str, object]:
    return {
        f"{prefix}_objects": transfer.objects if transfer else None,
        f"{prefix}_bytes": transfer.size_bytes if transfer else None,
        f"{prefix}_seconds": transfer.seconds if transfer else None,
    }


def _transfer(objects: int | None, size_bytes: int | None, seconds: float | None) -> Transfer | None:
    if objects is None or size_bytes is None or seconds is None:
        return None
    return Transfer(objects=objects, size_bytes=size_bytes, seconds=seconds)
