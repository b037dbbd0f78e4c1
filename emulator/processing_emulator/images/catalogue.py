"""Which images of ours are on this machine."""

from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound

from processing_emulator.domain.stand_ins import STAND_INS, StandIn
from processing_emulator.images.base import BASES
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
    return [_look(client, stand_in) for stand_in in STAND_INS]


def _look(client: docker.DockerClient, stand_in: StandIn) -> Listed:
    try:
        image = client.images.get(stand_in.tag)
    except ImageNotFound:
        return Listed(stand_in=stand_in, state="not built", content_tag=None, size_bytes=None)
    current = _current_tag(client, stand_in.name)
    is_current = current is not None and current in image.tags
    return Listed(
        stand_in=stand_in,
        state="built" if is_current else "outdated",
        content_tag=current if is_current else None,
        size_bytes=int(image.attrs["Size"]),
    )


def _current_tag(client: docker.DockerClient, name: str) -> str | None:
    """The tag that a build would give; None when what is below is not built."""
    if name in BASES:
        return BASES[name].content_tag()
    below = _current_tag(client, RECIPES[name].below)
    below_id = find_image(client, below) if below else None
    return content_tag(RECIPES[name], below_id) if below_id else None
