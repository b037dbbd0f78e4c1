"""Builds the images of this folder. Each is tagged with a hash of its files and built only if that tag does not exist.

Usage: python -m containers.build [--tag] [NAME...]        (--tag: print only the content tag)
"""

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from containers import base, jars
from containers.context import fingerprint, write_tar
from containers.recipes import RECIPES, Recipe

BASE = "python-base"
NAMES = (BASE, *RECIPES)
FOR_JOBS = (BASE, "scikit-learn", "spark")


class SmokeFailed(Exception):
    """A new image failed its smoke test and was not tagged. The text is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that exists. `seconds` is None when it was not built now."""

    tag: str
    image_id: str
    seconds: float | None


def build(client: docker.DockerClient, name: str) -> Built:
    """Build an image and its base unless they exist. Raises as `build_recipe` does."""
    return build_base(client) if name == BASE else build_recipe(client, RECIPES[name])


def build_recipe(client: docker.DockerClient, recipe: Recipe) -> Built:
    """Build, smoke-test and tag an image, unless its content tag exists.

    Raises DockerException, SmokeFailed, BaseUnavailable, CalledProcessError (`prepare` failed and printed why).
    """
    below = build_base(client)
    with _one_at_a_time():
        return _ensure_recipe(client, recipe, below)


def _ensure_recipe(client: docker.DockerClient, recipe: Recipe, below: Built) -> Built:
    tag = f"{recipe.repository}:{fingerprint(recipe.files(), [below.image_id])}"
    found = find_image(client, tag)
    started = time.monotonic()
    image_id = found or _build_context(client, recipe, below)
    _tag(client, image_id, (tag, *recipe.stable_tags))
    if not found:
        forget_older(client, recipe.repository, tag, *recipe.stable_tags)
    return Built(tag=tag, image_id=image_id, seconds=None if found else time.monotonic() - started)


def find_image(client: docker.DockerClient, reference: str) -> str | None:
    """The id of a local image, or None."""
    try:
        return str(client.images.get(reference).id)
    except ImageNotFound:
        return None


def build_base(client: docker.DockerClient) -> Built:
    """Pull or build the base. Raises DockerException, SmokeFailed, BaseUnavailable."""
    with _one_at_a_time():
        return _ensure_base(client)


def _ensure_base(client: docker.DockerClient) -> Built:
    tag = base.content_tag()
    found = find_image(client, tag)
    started = time.monotonic()
    image_id = found or base.obtain(client)
    if not found:
        smoke(client, image_id, base.FOLDER / "smoke.py")
    _tag(client, image_id, (tag, *base.STABLE_TAGS))
    if not found:
        forget_older(client, base.REPOSITORY, tag)
    return Built(tag=tag, image_id=image_id, seconds=None if found else time.monotonic() - started)


def _build_context(client: docker.DockerClient, recipe: Recipe, below: Built) -> str:
    architecture = str(client.info()["Architecture"])
    with tempfile.TemporaryDirectory(prefix="processing-emulator-image-") as scratch:
        files = {**recipe.files(), **recipe.prepare(Path(scratch), architecture)}
        with tempfile.TemporaryFile(dir=scratch) as tar:
            write_tar(files, tar)
            image, _ = client.images.build(
                fileobj=tar, custom_context=True, rm=True, forcerm=True, buildargs={"BASE": below.tag}
            )
    try:
        smoke(client, str(image.id), recipe.smoke)
    except SmokeFailed:
        if not image.tags:
            client.images.remove(str(image.id))
        raise
    return str(image.id)


def smoke(client: docker.DockerClient, image: str, script: Path) -> None:
    """Run a Python script inside an image, without a network. Raises SmokeFailed with the script's output."""
    container = client.containers.create(image, ["-c", script.read_text()], entrypoint=["python3"], network_mode="none")
    try:
        container.start()
        code = container.wait(timeout=300)["StatusCode"]
        written = container.logs().decode(errors="replace")
    finally:
        container.remove(force=True, v=True)
    if code != 0:
        raise SmokeFailed(f"{script.parent.name}/{script.name} fails in the new image (exit code {code}):\n{written}")


def forget_older(client: docker.DockerClient, repository: str, *current: str) -> None:
    """Remove images of earlier builds, except those in use; otherwise every change would leave an image behind."""
    for tag in [tag for image in client.images.list(repository) for tag in image.tags]:
        if tag.startswith(f"{repository}:") and tag not in current:
            try:
                client.images.remove(tag)
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """A lock: of two concurrent builds the second waits and then finds the image."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "processing-emulator"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tag(client: docker.DockerClient, image_id: str, tags: tuple[str, ...]) -> None:
    for tag in tags:
        if find_image(client, tag) != image_id:
            client.images.get(image_id).tag(tag)


def main() -> int:
    """Build the named images, or those that jobs need; print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--tag", action="store_true")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"no such image: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    try:
        client = docker.from_env(timeout=600)
        for name in asked.names or FOR_JOBS:
            built = build(client, name)
            how = "exists" if built.seconds is None else f"built in {built.seconds:.0f} s"
            print(built.tag if asked.tag else f"{built.tag} {how}", flush=True)
    except BuildError as error:
        print("".join(str(line.get("stream", "")) for line in error.build_log), error.msg, file=sys.stderr)
        return 1
    except (
        DockerException,
        SmokeFailed,
        base.BaseUnavailable,
        jars.JarsUnavailable,
        subprocess.CalledProcessError,
    ) as error:
        print(f"containers.build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
