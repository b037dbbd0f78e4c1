"""The local replacement for AWS's scikit-learn image, used the way jobs use it."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from processing_emulator.images.builder import build

pytestmark = pytest.mark.docker

IMAGE = "processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture
def engine(docker_engine: None) -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=600)
    build(client, "scikit-learn:1.2-1")
    yield client
    client.close()


def write_wheel(folder: Path) -> None:
    """Write a minimal wheel of a package `greeter` 1.0."""
    info = "greeter-1.0.dist-info"
    files = {
        "greeter.py": "WORD = 'hello'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / "greeter-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)


def test_pip_installs_a_user_s_requirements(engine: docker.DockerClient, tmp_path: Path) -> None:
    write_wheel(tmp_path)
    (tmp_path / "requirements.txt").write_text("greeter==1.0\nscikit-learn==1.2.1\n")
    install = "pip install --quiet --no-index --find-links /w -r /w/requirements.txt"
    use = "python3 -c 'import greeter, sklearn; print(greeter.WORD, sklearn.__version__)'"
    shown = engine.containers.run(
        IMAGE,
        ["sh", "-c", f"{install} && {use}"],
        volumes=[f"{tmp_path}:/w:ro"],
        network_mode="none",
        remove=True,
    )
    assert shown.decode() == "hello 1.2.1\n"


def test_a_non_root_user_can_import_the_packages(engine: docker.DockerClient) -> None:
    code = "import os, boto3, joblib, pandas, pyarrow, scipy, sklearn; print(os.getuid())"
    shown = engine.containers.run(IMAGE, ["python", "-c", code], user="1000:1000", network_mode="none", remove=True)
    assert shown.decode() == "1000\n"


def test_packages_are_compiled(engine: docker.DockerClient) -> None:
    code = (
        "import importlib.util, pathlib, sys\n"
        "import pandas, sklearn.ensemble\n"
        "loaded = [m.__spec__ for m in list(sys.modules.values()) if getattr(m, '__spec__', None)]\n"
        "cached = [pathlib.Path(s.cached) for s in loaded if s.cached and 'site-packages' in s.cached]\n"
        "print(len(cached) > 500, [str(c) for c in cached if not c.exists()][:3])\n"
    )
    shown = engine.containers.run(IMAGE, ["python3", "-c", code], network_mode="none", remove=True)
    assert shown.decode() == "True []\n"
