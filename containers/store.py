"""Prints the image that stands beside the server in Compose: the pinned one when it is here or its registry answers,
else MinIO built on this machine.
"""

import re
import subprocess
import sys

import docker
from docker.errors import APIError, DockerException

from containers import base, build
from containers.recipes import ROOT


def pinned_reference() -> str:
    """What docker-compose.yml starts unless told otherwise, pinned by digest. Raises LookupError."""
    compose = (ROOT / "docker-compose.yml").read_text()
    found = re.search(r"\$\{STORE_IMAGE:-(\S+@sha256:[0-9a-f]{64})\}", compose)
    if found is None:
        raise LookupError("docker-compose.yml does not pin the store's image by digest")
    return found[1]


def choose(client: docker.DockerClient) -> str:
    """A reference that is on this machine afterwards. Raises as `build.build` does."""
    pinned = pinned_reference()
    if build.find_image(client, pinned):
        return pinned
    try:
        base.pull(client, pinned)
    except (APIError, TimeoutError):
        print(f"No registry gives {pinned}; MinIO is built instead.", file=sys.stderr)
        return build.build(client, "minio").tag
    return pinned


def main() -> int:
    """Exit code 1, and a sentence, when there can be none."""
    try:
        print(choose(docker.from_env(timeout=600)))
    except (DockerException, build.SmokeFailed, base.BaseUnavailable, subprocess.CalledProcessError) as error:
        print(f"containers.store: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
