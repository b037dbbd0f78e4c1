"""Builds images. Each is tagged with a hash of its files and built only if that tag does not exist."""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import APIError, ImageNotFound

from processing_emulator.images.base import BASES, Base, obtain
from processing_emulator.images.context import fingerprint, write_tar
from processing_emulator.images.failure import CannotBuild
from processing_emulator.images.recipes import RECIPES, Recipe

Progress = Callable[[str], None]
"""Gets one line for each step."""


def quiet(_line: str) -> None:
    """Progress for nobody."""


class SmokeFailed(CannotBuild):
    """A new image failed its smoke test and was not tagged. The text is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that exists. `seconds` is None when it was not built now."""

    tag: str
    image_id: str
    seconds: float | None


class BuildFailed(CannotBuild):
    """A step of a Dockerfile failed. The text is the end of the build's output."""


def build(client: docker.DockerClient, name: str, on_progress: Progress = quiet) -> Built:
    """Build the stand-in of that name, and what is below it, unless they exist. Raises DockerException, CannotBuild."""
    if name in BASES:
        return _build_base(client, BASES[name], on_progress)
    return build_recipe(client, RECIPES[name], on_progress)


def build_recipe(client: docker.DockerClient, recipe: Recipe, on_progress: Progress = quiet) -> Built:
    """Build, smoke-test and tag an image, unless its content tag exists. Raises DockerException, CannotBuild."""
    below = build(client, recipe.below, on_progress)
    with _one_at_a_time():
        return _ensure_recipe(client, recipe, below, on_progress)


def _ensure_recipe(client: docker.DockerClient, recipe: Recipe, below: Built, on_progress: Progress) -> Built:
    tag = content_tag(recipe, below.image_id)
    found = find_image(client, tag)
    started = time.monotonic()
    image_id = found or _build_context(client, recipe, below, on_progress)
    _tag(client, image_id, (tag, *recipe.stable_tags))
    if not found:
        forget_older(client, recipe.repository, tag, *recipe.stable_tags)
    return Built(tag=tag, image_id=image_id, seconds=None if found else time.monotonic() - started)


def content_tag(recipe: Recipe, below_id: str) -> str:
    """The tag of what the recipe gives on that image."""
    return f"{recipe.repository}:{fingerprint(recipe.files(), [below_id])}"


def find_image(client: docker.DockerClient, reference: str) -> str | None:
    """The id of a local image, or None."""
    try:
        return str(client.images.get(reference).id)
    except ImageNotFound:
        return None


def _build_base(client: docker.DockerClient, base: Base, on_progress: Progress) -> Built:
    with _one_at_a_time():
        return _ensure_base(client, base, on_progress)


def _ensure_base(client: docker.DockerClient, base: Base, on_progress: Progress) -> Built:
    tag = base.content_tag()
    found = find_image(client, tag)
    started = time.monotonic()
    image_id = found or obtain(client, base, on_progress)
    if not found:
        smoke(client, image_id, base.smoke, base.python)
    _tag(client, image_id, (tag, *base.stand_in.tags))
    if not found:
        forget_older(client, base.repository, tag)
    return Built(tag=tag, image_id=image_id, seconds=None if found else time.monotonic() - started)


def _build_context(client: docker.DockerClient, recipe: Recipe, below: Built, on_progress: Progress) -> str:
    architecture = str(client.info()["Architecture"])
    with tempfile.TemporaryDirectory(prefix="processing-emulator-image-") as scratch:
        on_progress("downloading what goes into it")
        files = {**recipe.files(), **recipe.prepare(Path(scratch), architecture)}
        with tempfile.TemporaryFile(dir=scratch) as tar:
            write_tar(files, tar)
            image_id = _run_steps(client, tar, {"BASE": below.tag, **recipe.arguments}, on_progress)
    on_progress("testing it")
    try:
        smoke(client, image_id, recipe.smoke)
    except SmokeFailed:
        if not client.images.get(image_id).tags:
            client.images.remove(image_id)
        raise
    return image_id


def _run_steps(
    client: docker.DockerClient, context: IO[bytes], arguments: Mapping[str, str], on_progress: Progress
) -> str:
    """Run the steps of a context's Dockerfile; returns the image's id. Raises BuildFailed."""
    output, image_id = "", None
    options: dict[str, Any] = {"custom_context": True, "rm": True, "forcerm": True, "buildargs": dict(arguments)}
    for event in client.api.build(fileobj=context, decode=True, **options):
        if "error" in event:
            raise BuildFailed(f"{output[-2000:]}{event['error']}")
        line = str(event.get("stream", ""))
        output += line
        if line.startswith("Step "):
            on_progress(" ".join(line.split())[:100])
        image_id = event.get("aux", {}).get("ID", image_id)
    if image_id is None:
        raise BuildFailed(f"the engine built no image:\n{output[-2000:]}")
    return str(image_id)


def smoke(client: docker.DockerClient, image: str, script: Path, *arguments: str) -> None:
    """Run a Python script inside an image, without a network. Raises SmokeFailed with the script's output."""
    command = ["-c", script.read_text(), *arguments]
    container = client.containers.create(image, command, entrypoint=["python3"], network_mode="none")
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
