"""What the README tells a new user to type, from the first command to the results, executed unchanged."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docker
import pytest

from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
DOCKERFILE = f"""FROM {TEST_IMAGE}
WORKDIR /work
RUN echo 'import os; os.system("cp -r /opt/ml/processing/input/. /opt/ml/processing/output")' > main.py
"""


def _block(heading: str, language: str) -> str:
    """The first block of code of a section, without prompts."""
    section = README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return re.sub(r"^\$ ", "", blocks[0], flags=re.MULTILINE)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def my_image(docker_engine: None) -> Iterator[None]:
    """The image of the README's user, whose program copies its inputs to its outputs."""
    engine = docker.from_env(timeout=120)
    engine.images.build(fileobj=BytesIO(DOCKERFILE.encode()), tag="my-image:latest", rm=True)
    yield
    engine.images.remove("my-image:latest")
    engine.close()


def test_the_readme_s_commands_and_code_run(tmp_path: Path, my_image: None) -> None:
    install, *commands = _block("Install", "console").splitlines()
    assert install.startswith("pipx install processing-emulator")
    assert commands[1].startswith("processing-emulator start -d"), commands
    (tmp_path / "example.py").write_text(_block("Your own code", "python"), encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1,2\n", encoding="utf-8")
    script = ["set -e", *commands, "python3 example.py", _block("Your own code", "console"), "cat results/rows.csv"]
    bin_folder = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_") or name == "HOME"}
    settings = {"PROCESSING_EMULATOR_PORT": str(_free_port()), "PROCESSING_EMULATOR_DATA_DIR": str(tmp_path / "state")}
    environment = kept | settings | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}

    def bash(*lines: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", "\n".join(lines)]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    try:
        done = bash(*script)
    finally:
        stopped = bash("processing-emulator stop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Ready. http://127.0.0.1:{settings['PROCESSING_EMULATOR_PORT']}\n" in done.stdout
    assert "b'6\\n'\n" in done.stdout, "what the example prints"
    assert done.stdout.endswith("1,2\n"), "what the job of one line left in ./results"
    assert stopped.stdout == "stopped\n"
