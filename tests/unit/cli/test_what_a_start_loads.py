"""What is imported on the way to `Ready.`: a library that takes long is loaded when it is needed, not before."""

import subprocess
import sys

import pytest

BEFORE_THE_STORE_STARTS = ("sqlalchemy", "docker", "uvicorn", "aiohttp", "boto3", "fastapi", "pynvml")
"""The embedded store is a process of its own, and starts while these are loaded."""

NOT_AT_ALL = (
    *("aiohttp", "boto3", "botocore.loaders", "fastapi", "jinja2", "pynvml", "sqlalchemy.dialects.postgresql", "yaml"),
)


def _loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("program", "late"),
    [
        ("import processing_emulator.cli.main, processing_emulator.cli.serve", BEFORE_THE_STORE_STARTS),
        ("import processing_emulator.server.bootstrap, processing_emulator.server.uvicorn_server", NOT_AT_ALL),
    ],
)
def test_a_start_does_not_load_what_it_does_not_need_yet(program: str, late: tuple[str, ...]) -> None:
    assert not _loaded_by(program) & set(late)


def test_a_machine_without_a_driver_does_not_load_the_gpu_library() -> None:
    program = "from processing_emulator.adapters.nvml.probe import NvmlProbe as P; import ctypes; P().read(())"
    assert "pynvml" not in _loaded_by(program)
