"""Builds the images of this folder. Each is tagged by its content, and left alone where that tag exists.

Usage: python -m containers.build [--tag] [NAME...]        (--tag: print the content's tag and nothing else)
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import cast

import docker
from docker.errors import APIError, BuildError, ContainerError, DockerException, ImageNotFound

from containers import base
from containers.context import fingerprint, write_tar
from containers.recipes import RECIPES, ROOT, Recipe

BASE = "python-base"
NAMES = (BASE, *RECIPES)
FOR_JOBS = (BASE, "scikit-learn")


class SmokeFailed(Exception):
    """A new image does not do what its smoke test asks; it gets no tag. The text is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that is there. `seconds` is None when it was there before."""

    tag: str
    image_id: str
    seconds: float | None


def build(client: docker.DockerClient, name: str) -> Built:
    """Make sure that an image, and the base below it, is there. Raises DockerException, SmokeFailed,
    BaseUnavailable, CalledProcessError (a preparation failed, and has said why)."""
    if name == BASE:
        return _build_base(client)
    recipe = RECIPES[name]
    below = _build_base(client)
    files = recipe.files()
    tag = f"processing-emulator/{name}:{fingerprint(files, [below.image_id])}"
    found = find_image(client, tag)
    started = time.monotonic()
    image_id = found or _build_recipe(client, recipe, below)
    _tag(client, image_id, (tag, *recipe.stable_tags))
    if not found:
        forget_older(client, name, tag)
    return Built(tag=tag, image_id=image_id, seconds=None if found else time.monotonic() - started)


def find_image(client: docker.DockerClient, reference: str) -> str | None:
    """The id of an image on this machine."""
    try:
        return str(client.images.get(reference).id)
    except ImageNotFound:
        return None


def _build_base(client: docker.DockerClient) -> Built:
    tag = base.content_tag()
    found = find_image(client, tag)
    started = time.monotonic()
    image_id = found or base.obtain(client)
    if not found:
        smoke(client, image_id, base.FOLDER / "smoke.py")
    _tag(client, image_id, (tag, *base.STABLE_TAGS))
    return Built(tag=tag, image_id=image_id, seconds=None if found else time.monotonic() - started)


def _build_recipe(client: docker.DockerClient, recipe: Recipe, below: Built) -> str:
    architecture = str(client.info()["Architecture"])
    with tempfile.TemporaryDirectory(prefix="processing-emulator-image-") as scratch:
        files = {**recipe.files(), **recipe.prepare(Path(scratch), architecture)}
        with tempfile.TemporaryFile(dir=scratch) as tar:
            write_tar(files, tar)
            image, _ = client.images.build(
                fileobj=tar, custom_context=True, rm=True, forcerm=True, buildargs={"BASE": below.tag}
            )
    smoke(client, str(image.id), recipe.smoke)
    return str(image.id)


def smoke(client: docker.DockerClient, image: str, script: Path) -> None:
    """Run a Python script inside an image, without a network. Raises SmokeFailed with what it wrote."""
    try:
        client.containers.run(
            image, ["-c", script.read_text()], entrypoint=["python3"], network_mode="none", remove=True, stderr=True
        )
    except ContainerError as error:
        written = cast(bytes | None, error.stderr) or b""  # the published types say text
        raise SmokeFailed(f"{script.relative_to(ROOT)} fails in the new image:\n{written.decode()}") from error


def forget_older(client: docker.DockerClient, name: str, current: str) -> None:
    """Drop what earlier builds left, lest every change of a file keep an image for ever. One in use stays."""
    repository = f"processing-emulator/{name}"
    for tag in [tag for image in client.images.list(repository) for tag in image.tags]:
        if tag.startswith(f"{repository}:") and tag != current and tag not in stable_tags():
            try:
                client.images.remove(tag)
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise


def stable_tags() -> frozenset[str]:
    """All tags by which others know our images."""
    return frozenset(tag for recipe in RECIPES.values() for tag in recipe.stable_tags)


def _tag(client: docker.DockerClient, image_id: str, tags: tuple[str, ...]) -> None:
    for tag in tags:
        if find_image(client, tag) != image_id:
            client.images.get(image_id).tag(tag)


def main() -> int:
    """Build what was asked for, or what jobs need; one line for each."""
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
            how = "is there" if built.seconds is None else f"made in {built.seconds:.0f} s"
            print(built.tag if asked.tag else f"{built.tag} {how}", flush=True)
    except BuildError as error:
        print("".join(str(line.get("stream", "")) for line in error.build_log), error.msg, file=sys.stderr)
        return 1
    except (DockerException, SmokeFailed, base.BaseUnavailable, subprocess.CalledProcessError) as error:
        print(f"containers.build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
