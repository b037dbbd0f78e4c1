"""boto3, unmodified, with no route to anywhere but the server."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients.conftest import IDENTITY, PROGRAMS, Outpost, lines_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def _boto3(outpost: Outpost, folder: Path, task: str) -> Any:
    program = str(PROGRAMS / "boto3_client.py")
    return json.loads(lines_of(outpost.run(folder, sys.executable, program, task, TEST_IMAGE))[-1])


def test_the_waiter_ends_on_success_and_says_why_it_did_not(outpost: Outpost, tmp_path: Path) -> None:
    assert _boto3(outpost, tmp_path, "wait") == {
        "waited-good": "Completed",
        "waited-bad": "AlgorithmError: , exit code: 7",
        "waited-none": "ValidationException",
    }


def test_the_paginator_walks_over_all_pages_and_every_page_is_full(outpost: Outpost, tmp_path: Path) -> None:
    names = [f"b3-paged-{number}" for number in range(7)]
    assert _boto3(outpost, tmp_path, "pages") == [names[:3], names[3:6], names[6:]]


def test_errors_come_as_the_classes_of_the_service(outpost: Outpost, tmp_path: Path) -> None:
    codes = ["ResourceInUse", "ValidationException", "UnknownOperationException"]
    assert _boto3(outpost, tmp_path, "refusals") == codes


def test_objects_small_and_large_in_parts_and_ranges(outpost: Outpost, tmp_path: Path) -> None:
    assert _boto3(outpost, tmp_path, "objects") == {
        "quickest put under half a second": True,
        "parts": "3",
        "same bytes": True,
        "range": ["bytes 1000000-1000009/20971520", [(1000000 + offset) % 256 for offset in range(10)]],
        "pages": [["small/0", "small/1"], ["small/2", "small/3"], ["small/4"]],
    }


def test_the_caller_is_the_account_of_the_keys(outpost: Outpost, tmp_path: Path) -> None:
    assert _boto3(outpost, tmp_path, "identity") == IDENTITY
