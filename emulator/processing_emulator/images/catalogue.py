"""Which images of ours are on this machine."""

from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound

from processing_emulator.domain.stand_ins import PYTHON, STAND_INS, StandIn
from processing_emulator.images import base
from processing_emulator.images.builder import content_tag, find_image
from processing_emulator.images.recipes import RECIPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One image. `state`: built, outdated (built by another version of the recipe) or not built."""

    stand_in: StandIn
    state: str
    content_tag: str | None
    size_bytes: int | None


def list_images(client: docker.DockerClient) -> list[Listed]:
    """All images of ours. Raises DockerException."""
    base_id = find_image(client, base.content_tag())
    return [_look(client, stand_in, base_id) for stand_in in STAND_INS]


def _look(client: docker.DockerClient, stand_in: StandIn, base_id: str | None) -> Listed:
    try:
        image = client.images.get(stand_in.tag)
    except ImageNotFound:
        return Listed(stand_in=stand_in, state="not built", content_tag=None, size_bytes=None)
    current = _current_tag(stand_in, base_id)
    is_current = current is not None and current in image.tags
    return Listed(
        stand_in=stand_in,
        state="built" if is_current else "outdated",
        content_tag=current if is_current else None,
        size_bytes=int(image.attrs["Size"]),
    )


def _current_tag(stand_in: StandIn, base_id: str | None) -> str | None:
    if stand_in is PYTHON:
        return base.content_tag()
    return None if base_id is None else content_tag(RECIPES[stand_in.name], base_id)
