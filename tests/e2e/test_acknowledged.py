"""Concurrent clients create jobs until the server is killed; every acknowledged job survives."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from tests.builders import a_request
from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

CLIENTS = 8
KILLED_AFTER = 200
NOWHERE = "127.0.0.1:1"


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmulatorProcess]:
    """Without an engine: every job waits for one."""
    settings = {"docker_host": f"tcp://{NOWHERE}", "s3_endpoint": f"http://{NOWHERE}"}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgresql_url")
    process = EmulatorProcess(tmp_path / "data", **settings)
    try:
        yield process.start()
    finally:
        process.kill()


def create_until_refused(server: EmulatorProcess, prefix: str, acknowledged: list[str]) -> None:
    """Create jobs until the server is gone."""
    sagemaker = server.client("sagemaker")
    for number in range(10**6):
        name = f"{prefix}-{number}"
        try:
            sagemaker.create_processing_job(**a_request(name))
        except BotoCoreError:
            return
        acknowledged.append(name)


def test_acknowledged_jobs_survive_a_kill_in_order(server: EmulatorProcess) -> None:
    acknowledged: list[str] = []
    with ThreadPoolExecutor(CLIENTS) as clients:
        for number in range(CLIENTS):
            clients.submit(create_until_refused, server, f"client-{number}", acknowledged)
        wait_for("acknowledged jobs", lambda: len(acknowledged) >= KILLED_AFTER or None, 60)
        server.kill()
    server.start()
    pages = server.client("sagemaker").get_paginator("list_processing_jobs").paginate(MaxResults=100)
    kept = [summary["ProcessingJobName"] for page in pages for summary in page["ProcessingJobSummaries"]]
    assert set(acknowledged) <= set(kept)
    assert (
        len(kept) == len(set(kept)) <= len(acknowledged) + CLIENTS
    )  # each client's last Create may be stored without a response
    mine = [name for name in kept if name.startswith("client-0-")]
    assert mine == [f"client-0-{number}" for number in range(len(mine))]
