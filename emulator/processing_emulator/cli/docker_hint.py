"""Why Docker does not answer, found out from outside, and the command that helps."""

import os
import shutil
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from processing_emulator.adapters.docker_runtime.clients import is_engine_address
from processing_emulator.config import ENV_PREFIX

_CONNECT_SECONDS = 3.0
_INSTALL_GUIDE = "https://docs.docker.com/engine/install/"


def docker_hint(address: str, docker_host: str | None) -> str:
    """What to do about an engine at `address` that does not answer. `docker_host` is the emulator's own setting."""
    url = urlsplit(address)
    if url.scheme != "unix":
        return f"start the engine at {address}, or correct {_variable(docker_host)}"
    try:
        _connect(url.path)
    except OSError as error:
        return hint_for(error, address, docker_host)
    return f"{address} accepts connections but does not answer; see its log and restart it: {_restart()}"


def refusal_hint(address: str, docker_host: str | None) -> str:
    """What to do about an engine at `address` that fails in another way than by not answering."""
    if is_engine_address(address):
        return "update Docker to 20.10 or later"
    return (
        f"correct {_variable(docker_host)}: an address looks like unix:///var/run/docker.sock or tcp://HOST:PORT,"
        f" not {address}"
    )


def _connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_CONNECT_SECONDS)
        connection.connect(path)


def hint_for(error: OSError, address: str, docker_host: str | None) -> str:
    """What to do when connecting to the engine's socket failed with `error`."""
    if isinstance(error, PermissionError):
        return "let this user use Docker: sudo usermod -aG docker $USER && newgrp docker"
    if docker_host or os.environ.get("DOCKER_HOST"):
        return f"nothing listens at {address}: start the engine there, or correct {_variable(docker_host)}"
    if not _is_installed():
        return f"install Docker: {_install()}"
    return f"Docker is installed but not running; start it: {_start()}"


def _variable(docker_host: str | None) -> str:
    if docker_host:
        return f"{ENV_PREFIX}DOCKER_HOST"
    return "DOCKER_HOST" if os.environ.get("DOCKER_HOST") else "the current context (docker context use default)"


def _is_installed() -> bool:
    programs = (shutil.which(name) for name in ("dockerd", "docker"))
    return any(programs) or Path("/Applications/Docker.app").exists()


def _install() -> str:
    if shutil.which("apt-get"):
        return f"sudo apt-get install docker.io (other ways: {_INSTALL_GUIDE})"
    return _INSTALL_GUIDE


def _start() -> str:
    if sys.platform == "darwin":
        return "open -a Docker"
    return "sudo systemctl start docker" if _has_systemd() else "sudo service docker start (or start Docker Desktop)"


def _restart() -> str:
    if sys.platform == "darwin":
        return "restart Docker Desktop"
    if _has_systemd():
        return "journalctl -u docker -n 50; sudo systemctl restart docker"
    return "sudo service docker restart"


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()
