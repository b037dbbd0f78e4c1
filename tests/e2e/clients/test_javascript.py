"""The AWS SDK for JavaScript v3, unmodified, with no route to anywhere but the server."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients.conftest import IDENTITY, PROGRAMS, Outpost, client_home, lines_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def _javascript(outpost: Outpost, folder: Path, task: str) -> Any:
    home = client_home("javascript")
    program = str(shutil.copy(PROGRAMS / "javascript_client.mjs", folder))
    (folder / "node_modules").symlink_to(home / "node_modules")  # where Node looks for what a program imports
    return json.loads(lines_of(outpost.run(folder, str(home / "node"), program, task, TEST_IMAGE))[-1])


def test_a_job_is_waited_for_and_a_failed_one_is_an_error(outpost: Outpost, tmp_path: Path) -> None:
    assert _javascript(outpost, tmp_path, "wait") == {
        "arn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/js-good",
        "state": "SUCCESS",
        "status": "Completed",
        "took": True,
        "bad": "Error: AlgorithmError: , exit code: 7",
    }


def test_a_job_that_is_stopped_ends_stopped(outpost: Outpost, tmp_path: Path) -> None:
    assert _javascript(outpost, tmp_path, "stop") == "Stopped"


def test_the_paginator_walks_over_all_pages(outpost: Outpost, tmp_path: Path) -> None:
    names = [f"js-paged-{number}" for number in range(5)]
    assert _javascript(outpost, tmp_path, "pages") == [names[:2], names[2:4], names[4:]]


def test_errors_come_as_the_classes_of_the_service(outpost: Outpost, tmp_path: Path) -> None:
    in_use, not_found, unknown = _javascript(outpost, tmp_path, "refusals")
    assert in_use == ["ResourceInUse", "ResourceInUse", 400]
    assert not_found[1:] == ["ValidationException", 400]
    assert unknown[1:] == ["UnknownOperationException", 400]


def test_objects_whole_in_ranges_and_streamed(outpost: Outpost, tmp_path: Path) -> None:
    assert _javascript(outpost, tmp_path, "objects") == {"small": "small", "part": "abcdefgh", "none": "NoSuchKey"}


def test_the_caller_is_the_account_of_the_keys(outpost: Outpost, tmp_path: Path) -> None:
    assert _javascript(outpost, tmp_path, "identity") == IDENTITY
