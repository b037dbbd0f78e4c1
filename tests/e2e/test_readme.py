"""The Python example of the README, executed unchanged."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

README = Path(__file__).parents[2] / "README.md"


def test_readme_example_prints_the_sum(server: EmulatorProcess) -> None:
    blocks: list[str] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    environment = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator-secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PATH": "/usr/bin:/bin",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-c", blocks[0]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == "b'6\\n'\n"
