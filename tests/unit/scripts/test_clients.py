"""scripts/clients.sh installs each client once, and again after an interruption; uv, Python, Node and npm are stubs."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent

CLIENTS = {"AWSCLI", "SAGEMAKER_2", "SAGEMAKER_3", "JAVASCRIPT", "AIRFLOW", "FLYTEKIT", "SMOPS"}

UV = """#!/bin/sh
case $1 in
--version) echo "uv 99.0.0"; exit ;;
venv) for home; do :; done; mkdir -p "$home/bin"; cp "$HOME/bin/pip-python" "$home/bin/python" ;;
esac
echo "$@" >> "$HOME/calls"
case "$*" in *pip*sagemaker-2*) [ ! -e "$HOME/broken" ] || { echo "no such package"; exit 1; } ;; esac
"""

PYTHON = """#!/bin/sh
echo python "$@" >> "$HOME/calls"
"""

NODE = """#!/bin/sh
case $2 in
*versions*) echo 99 ;;
*) echo "$0" ;;
esac
"""

NPM = """#!/bin/sh
echo npm "$@" >> "$HOME/calls"
mkdir node_modules
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    for name, text in (("uv", UV), ("pip-python", PYTHON), ("node", NODE), ("npm", NPM)):
        program = tmp_path / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def run(home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "scripts" / "clients.sh")],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": f"{home / 'bin'}:/usr/bin:/bin", "HOME": str(home)},
    )


def homes_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Path]:
    found = re.findall(r"^export PROCESSING_EMULATOR_TEST_(\w+)=(\S+)$", done.stdout, re.MULTILINE)
    return {name: Path(home) for name, home in found}


def calls(home: Path) -> list[str]:
    return (home / "calls").read_text().splitlines()


def test_installs_every_client_once_from_its_lock_file(home: Path) -> None:
    first = run(home)
    assert homes_of(first).keys() == CLIENTS
    made = calls(home)
    assert len([call for call in made if "pip install" in call and "--require-hashes" in call]) == 6
    assert len([call for call in made if "pip download" in call and "--require-hashes" in call]) == 1
    assert [call for call in made if call.startswith("npm")] == [
        "npm ci --ignore-scripts --no-audit --no-fund --loglevel error"
    ]
    second = run(home)
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert calls(home) == made


def test_concurrent_calls_install_once(home: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: run(home).stdout, range(3)))
    assert len(set(found)) == 1
    assert len(calls(home)) == 14


def test_reinstalls_after_an_interruption(home: Path) -> None:
    left = homes_of(run(home))["AWSCLI"]
    (left / "ready").unlink()
    (left / "half").touch()
    assert homes_of(run(home))["AWSCLI"] == left
    assert not (left / "half").exists()
    assert (left / "ready").exists()


def test_a_failed_client_is_reported_and_the_others_are_installed(home: Path) -> None:
    (home / "broken").touch()
    done = run(home)
    assert "no such package" in done.stderr
    assert "clients.sh: the client sagemaker-2 could not be set up" in done.stderr
    assert homes_of(done).keys() == CLIENTS - {"SAGEMAKER_2"}
    (home / "broken").unlink()
    assert "SAGEMAKER_2" in homes_of(run(home))


def test_lock_files_name_no_host(home: Path) -> None:
    folder = ROOT / "scripts" / "clients"
    for path in folder.glob("*.txt"):
        assert "://" not in path.read_text(), path
    lock = json.loads((folder / "javascript" / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
