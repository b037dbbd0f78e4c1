"""Prints the S3 store image for Compose: the pinned one if it is local or can be pulled, otherwise MinIO built here."""

import re
import subprocess
import sys

import docker
from docker.errors import APIError, DockerException

from containers.build import RECIPES, ROOT
from processing_emulator.images import base
from processing_emulator.images.builder import build_recipe, find_image
from processing_emulator.images.failure import CannotBuild


def pinned_reference() -> str:
    """The default store image of docker-compose.yml, pinned by digest. Raises LookupError."""
    compose = (ROOT / "docker-compose.yml").read_text()
    found = re.search(r"\$\{STORE_IMAGE:-(\S+@sha256:[0-9a-f]{64})\}", compose)
    if found is None:
        raise LookupError("docker-compose.yml does not pin the store's image by digest")
    return found[1]


def choose(client: docker.DockerClient) -> str:
    """Pull or build the store image; returns its reference. Raises as `build_recipe` does."""
    pinned = pinned_reference()
    if find_image(client, pinned):
        return pinned
    try:
        base.pull(client, pinned)
    except (APIError, TimeoutError):
        print(f"Cannot pull {pinned}; building MinIO instead.", file=sys.stderr)
        return build_recipe(client, RECIPES["minio"]).tag
    return pinned


def main() -> int:
    """Exit code 1, and a sentence, when no image can be had."""
    try:
        print(choose(docker.from_env(timeout=600)))
    except (DockerException, CannotBuild, subprocess.CalledProcessError) as error:
        print(f"containers.store: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
