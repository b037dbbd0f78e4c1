"""Programs whose PYTHONPATH and AWS_DATA_PATH are those of `env --fast-waits`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from processing_emulator.fast_waits import MODELS_FOLDER, PYTHON_FOLDER

SDK = """\
import time

def _wait_until(poll): time.sleep(poll); return "waited"
def retry(poll): time.sleep(poll); return "retried"
def wait(poll, timeout):
    start = time.time()
    time.sleep(poll)
    return "timeout" if time.time() - start >= timeout else "waited"
def logs_for_processing_job(poll):
    looked, sleeps = time.time(), 0
    while time.time() - looked < 30:
        time.sleep(poll)
        sleeps += 1
    return sleeps
"""
"""Waits as the modules of the SDK do."""

PROGRAM = """\
import time
import {module} as sdk

def timed(call, *arguments):
    began = time.monotonic()
    answer = call(*arguments)
    print(call.__name__, answer, round(time.monotonic() - began, 2))

timed(sdk._wait_until, 30)
timed(sdk.wait, 30, 20)
timed(sdk.logs_for_processing_job, 10)
timed(sdk.retry, 0.5)
"""


def _run(folder: Path, program: str, *more_folders: Path) -> list[str]:
    path = os.pathsep.join(map(str, (PYTHON_FOLDER, *more_folders, folder)))
    environment = {"PYTHONPATH": path, "AWS_DATA_PATH": str(MODELS_FOLDER), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _package(folder: Path, module: str) -> None:
    path = folder.joinpath(*module.split("."))
    path.parent.mkdir(parents=True)  # namespace packages: they need no __init__.py
    path.with_suffix(".py").write_text(SDK)


@pytest.mark.parametrize("module", ["sagemaker.session", "sagemaker.core.processing"])
def test_functions_that_wait_for_jobs_sleep_shortly_and_others_do_not(tmp_path: Path, module: str) -> None:
    _package(tmp_path, module)
    printed = [line.split() for line in _run(tmp_path, PROGRAM.format(module=module))]
    assert [(name, answer) for name, answer, _ in printed] == [
        ("_wait_until", "waited"),
        ("wait", "waited"),
        ("logs_for_processing_job", "3"),
        ("retry", "retried"),
    ]
    seconds = [float(text) for _, _, text in printed]
    assert max(seconds) < 20
    assert seconds[3] >= 0.5


def test_modules_of_others_are_left_alone(tmp_path: Path) -> None:
    _package(tmp_path, "mine.session")
    assert _run(tmp_path, "import time, mine.session; print(mine.session.time is time)") == ["True"]


def test_a_sitecustomize_that_was_there_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the other one')")
    assert _run(tmp_path, "print('program')") == ["the other one", "program"]


def test_the_waiter_of_boto3_looks_twice_a_second_for_an_hour(tmp_path: Path) -> None:
    program = (
        "import boto3; s = boto3.client('sagemaker', region_name='us-east-1');"
        "c = s.get_waiter('processing_job_completed_or_stopped').config;"
        "print(c.delay, c.max_attempts, len(c.acceptors));"
        "print(s.get_waiter('endpoint_in_service').config.delay)"
    )
    assert _run(tmp_path, program) == ["0.5 7200 4", "30"]
