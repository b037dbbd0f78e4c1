"""Fills a data directory with many completed jobs, for measurements on a full database."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.sql_store.job_tables import job_requests, jobs
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.adapters.sql_store.timestamps import to_ms
from processing_emulator.domain.default_account import DEFAULT_ACCOUNT, DEFAULT_REGION
from processing_emulator.domain.phase import JobPhase
from tests.builders import a_request, an_input, an_output

_CHUNK = 20_000


def stored_name(number: int) -> str:
    """The name of a stored job."""
    return f"stored-{number:07d}"


def plain_request(name: str) -> dict[str, Any]:
    """A typical Create request: a command, an input, an output, two environment variables."""
    return a_request(
        name,
        entrypoint=["python3", "/opt/ml/processing/code/main.py"],
        inputs=[an_input()],
        outputs=[an_output()],
        Environment={"STAGE": "test", "LEVEL": "info"},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )


def fill(data_dir: Path, count: int) -> None:
    """Store `count` completed jobs in a new data directory, one per second, the last one created now."""
    data_dir.mkdir(parents=True, exist_ok=True)
    stores = open_store(DataDir(data_dir).database)
    try:
        first = datetime.now(UTC) - timedelta(seconds=count)
        for start in range(0, count, _CHUNK):
            numbers = range(start, min(count, start + _CHUNK))
            rows = [_job_row(number, first + timedelta(seconds=number)) for number in numbers]
            requests = [{"job_id": row["id"], "request": plain_request(row["name"])} for row in rows]
            with stores.database.writing() as connection:
                connection.execute(insert(jobs), rows)
                connection.execute(insert(job_requests), requests)
    finally:
        stores.close()


def _job_row(number: int, at: datetime) -> Mapping[str, Any]:
    moment, name = to_ms(at), stored_name(number)
    return {
        "id": number + 1,
        "account": DEFAULT_ACCOUNT,
        "region": DEFAULT_REGION,
        "name": name,
        "folded_name": name.lower(),
        "phase": JobPhase.COMPLETED.value,
        "created_at_ms": moment,
        "modified_at_ms": moment,
        "started_at_ms": moment,
        "ended_at_ms": moment,
        "exit_message": "done",
        "instance_type": "ml.t3.medium",
        "instance_count": 1,
    }
