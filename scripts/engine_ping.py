"""Waits until the Docker engine answers and prints what it is. Exit code 1: no answer in time; 3: it refuses."""

import argparse
import sys
import time
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

REFUSED = 3


def ask_version() -> str:
    """What the engine at DOCKER_HOST, or at the usual socket, says of itself. Raises DockerException when none does."""
    client = docker.from_env(timeout=5)
    try:
        answer = client.version()
    finally:
        client.close()
    return f"Docker {answer['Version']}, API {answer['ApiVersion']}"


def is_permission(error: BaseException | None) -> bool:
    """Whether the socket is there but belongs to others; the SDK wraps the cause several times."""
    while error is not None:
        if isinstance(error, PermissionError) or "PermissionError" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def main() -> int:
    """Poll until the engine answers, the time is up, or the process that is to become the engine has died."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--pid", type=int, help="give up when this process is gone")
    asked = parser.parse_args()
    deadline = time.monotonic() + asked.seconds
    while True:
        try:
            version = ask_version()
        except (DockerException, requests.exceptions.RequestException) as error:
            if is_permission(error):
                return REFUSED
        else:
            print(version)
            return 0
        if time.monotonic() >= deadline or (asked.pid and not Path(f"/proc/{asked.pid}").exists()):
            return 1
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
