"""Unmodified clients learn of a job's end soon, with the two variables of `env --fast-waits`."""

import os
import re
from pathlib import Path

import pytest

from processing_emulator.cli.env import fast_wait_variables
from tests.e2e.clients.conftest import PROGRAMS, IsolatedClients, lines_of, python_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

SOON_SECONDS = 5.0
"""It takes 1.3 s on a quiet machine, and 7.5 s or more without fast waits."""


@pytest.mark.parametrize(("client", "home"), [("boto3", "sagemaker-2"), ("2", "sagemaker-2"), ("3", "sagemaker-3")])
def test_the_end_of_a_job_is_noticed_soon(clients: IsolatedClients, tmp_path: Path, client: str, home: str) -> None:
    command = [python_of(home), str(PROGRAMS / "one_second_job.py"), client, TEST_IMAGE, f"fast-{client}"]
    variables = {name: value.split(os.pathsep)[0] for name, value in fast_wait_variables().items()}
    lines = lines_of(clients.run(tmp_path, *command, environment=variables))
    found = re.fullmatch(r"returned after ([\d.]+)", lines[-1])
    assert found, lines
    assert float(found[1]) < SOON_SECONDS
