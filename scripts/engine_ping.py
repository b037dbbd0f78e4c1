"""Waits until the Docker engine answers and prints its version. Exit code 1: no answer in time; 3: no permission."""

import argparse
import sys
import time
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

REFUSED = 3


def ask_version() -> str:
    """The version of the engine at DOCKER_HOST or the default socket. Raises DockerException when none answers."""
    client = docker.from_env(timeout=5)
    try:
        answer = client.version()
    finally:
        client.close()
    return f"Docker {answer['Version']}, API {answer['ApiVersion']}"


def is_permission(error: BaseException | None) -> bool:
    """Whether access to the socket is denied; the SDK wraps the PermissionError several times."""
    while error is not None:
        if isinstance(error, PermissionError) or "PermissionError" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def main() -> int:
    """Poll until the engine answers, the time is up, or the process `--pid` has died."""
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
