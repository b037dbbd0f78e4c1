"""boto3, unmodified, in a network that reaches only the server."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients.conftest import IDENTITY, PROGRAMS, IsolatedClients, lines_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def _boto3(clients: IsolatedClients, folder: Path, task: str) -> Any:
    program = str(PROGRAMS / "boto3_client.py")
    return json.loads(lines_of(clients.run(folder, sys.executable, program, task, TEST_IMAGE))[-1])


def test_waiter_returns_on_success_and_raises_on_failure(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _boto3(clients, tmp_path, "wait") == {
        "waited-good": "Completed",
        "waited-bad": "AlgorithmError: , exit code: 7",
        "waited-none": "ValidationException",
    }


def test_paginator_reads_full_pages(clients: IsolatedClients, tmp_path: Path) -> None:
    names = [f"b3-paged-{number}" for number in range(7)]
    assert _boto3(clients, tmp_path, "pages") == [names[:3], names[3:6], names[6:]]


def test_errors_have_the_service_s_exception_classes(clients: IsolatedClients, tmp_path: Path) -> None:
    codes = ["ResourceInUse", "ValidationException", "UnknownOperationException"]
    assert _boto3(clients, tmp_path, "refusals") == codes


def test_stores_small_and_multipart_objects_and_reads_ranges(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _boto3(clients, tmp_path, "objects") == {
        "quickest put under half a second": True,
        "parts": "3",
        "same bytes": True,
        "range": ["bytes 1000000-1000009/20971520", [(1000000 + offset) % 256 for offset in range(10)]],
        "pages": [["small/0", "small/1"], ["small/2", "small/3"], ["small/4"]],
    }


def test_caller_identity_is_the_account_of_the_keys(clients: IsolatedClients, tmp_path: Path) -> None:
    assert _boto3(clients, tmp_path, "identity") == IDENTITY
