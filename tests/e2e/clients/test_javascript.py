"""The AWS SDK for JavaScript v3, unmodified, in a network that reaches only the server."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients.conftest import IDENTITY, PROGRAMS, IsolatedClients, client_home, lines_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def _javascript(clients: IsolatedClients, folder: Path, task: str) -> Any:
    home = client_home("javascript")
    program = str(shutil.copy(PROGRAMS / "javascript_client.mjs", folder))
    (folder / "node_modules").symlink_to(home / "node_modules")  # where Node looks for imports
    return json.loads(lines_of(clients.run(folder, str(home / "node"), program, task, TEST_IMAGE))[-1])


def test_waiter_returns_on_success_and_rejects_on_failure(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _javascript(clients, tmp_path, "wait") == {
        "arn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/js-good",
        "state": "SUCCESS",
        "status": "Completed",
        "took": True,
        "bad": "Error: AlgorithmError: , exit code: 7",
    }


def test_reads_the_metrics_of_a_job_and_its_own(clients: IsolatedClients, tmp_path: Path) -> None:
    answer = _javascript(clients, tmp_path, "metrics")
    names = ("CPUUtilization", "MemoryUtilization", "DiskUtilization")
    assert answer["labels"] == [["loss", "loss", "Complete"], *(["job", name, "Complete"] for name in names)]
    loss, cpu, memory, _disk = answer["values"]
    assert loss == 1.25
    assert 10 < cpu < 110  # of one core, on a machine that may be busy
    assert 0 < memory < 10
    assert (answer["dated"], answer["refused"]) == (True, "InvalidParameterValueException")


def test_stops_a_job(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _javascript(clients, tmp_path, "stop") == "Stopped"


def test_paginator_reads_all_pages(clients: IsolatedClients, tmp_path: Path) -> None:
    names = [f"js-paged-{number}" for number in range(5)]
    assert _javascript(clients, tmp_path, "pages") == [names[:2], names[2:4], names[4:]]


def test_errors_have_the_service_s_exception_classes(clients: IsolatedClients, tmp_path: Path) -> None:
    in_use, not_found, unknown = _javascript(clients, tmp_path, "refusals")
    assert in_use == ["ResourceInUse", "ResourceInUse", 400]
    assert not_found[1:] == ["ValidationException", 400]
    assert unknown[1:] == ["UnknownOperationException", 400]


def test_stores_and_streams_objects_and_reads_ranges(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _javascript(clients, tmp_path, "objects") == {"small": "small", "part": "abcdefgh", "none": "NoSuchKey"}


def test_caller_identity_is_the_account_of_the_keys(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _javascript(clients, tmp_path, "identity") == IDENTITY
