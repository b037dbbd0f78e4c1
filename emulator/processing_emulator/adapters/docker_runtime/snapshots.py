"""Images of containers that have ended: what a container has written outside of its mounts, to be looked into.

They are known by their name alone. A label would be inherited by images that the user makes of our containers, which
must never be removed.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.platforms import platform_of
from processing_emulator.ports import ImageInfo

REPOSITORY = "processing-emulator/debug"


class Snapshots:
    """Those of one emulator."""

    def __init__(self, engine: Engine, emulator_id: str) -> None:
        self._engine = engine
        self._prefix = f"{REPOSITORY}:{emulator_id}-"

    def make(self, container_id: str, name: str) -> ImageInfo:
        """See `ContainerRuntime.snapshot`. Making it again would leave the older image without a name."""
        reference = f"{self._prefix}{name}"
        if name not in self.list_names():
            with self._engine.call(Call.SNAPSHOT) as api:
                api.commit(container_id, repository=REPOSITORY, tag=reference.rpartition(":")[2], pause=False)
        with self._engine.call(Call.INSPECT) as api:
            document = api.inspect_image(reference)  # type: ignore[no-untyped-call]
        return ImageInfo(id=reference, platform=platform_of(document))

    def list_names(self) -> Sequence[str]:
        """See `ContainerRuntime.list_snapshots`."""
        with self._engine.call(Call.LIST) as api:
            images: Sequence[dict[str, Any]] = api.images(REPOSITORY)
        references = [reference for image in images for reference in image["RepoTags"] or ()]
        return [one.removeprefix(self._prefix) for one in references if one.startswith(self._prefix)]

    def remove(self, name: str) -> None:
        """See `ContainerRuntime.remove_snapshot`."""
        with self._engine.call(Call.REMOVE) as api, suppress(docker.errors.ImageNotFound):
            api.remove_image(f"{self._prefix}{name}")
