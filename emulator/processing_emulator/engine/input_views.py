"""The folders of inputs that a container sees through an overlay: a view that it may change, of files that stay.

The files of a view are links to those of the cache, or only of this job if the cache has no room for them. They lie
next to the cache, on its file system; what the container changes lies in the job's own folder.
"""

import logging
import os
import threading
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from processing_emulator.domain.container_contract import FolderMount
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import BindMount, ContainerRuntime, Mount, OverlayMount, Volumes

logger = logging.getLogger(__name__)

_TRIAL = "trial"


class OverlaySupport:
    """Whether containers on this machine can have views; tried once, for the first job that could have one.

    `may_remove`: this process may remove what the kernel leaves in an overlay's folders, which belongs to root.
    """

    def __init__(self, runtime: ContainerRuntime, *, may_remove: bool) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._answer = None if may_remove else False

    def __call__(self, image_id: str, views: "InputViews") -> bool:
        """Raises StagingFailure when the folders for the trial cannot be made."""
        with self._lock:
            if self._answer is None:
                self._answer = self._try(image_id, views)
            return bool(self._answer)

    def _try(self, image_id: str, views: "InputViews") -> bool | None:
        """None when the engine could not say."""
        try:
            found = self._runtime.can_mount(image_id, views.make(_TRIAL, "/opt/ml/processing/trial"))
        except RuntimeFailure as error:
            logger.warning("overlay not tried", extra={"error": str(error)})
            return None
        finally:
            views.remove()
        logger.debug("overlay tried", extra={"works": found})
        return found


class InputViews:
    """The views of one instance: files below `lower`, changes below the workspace."""

    def __init__(self, workspace: Workspace, lower: Path, volumes: Volumes) -> None:
        self._volumes = volumes
        self._workspace = workspace
        self._lower = Workspace(lower)
        self._folders: set[str] = set()

    def choose(self, folders: Collection[str]) -> None:
        """From here on these folders of the instance are views."""
        self._folders = set(folders)

    def holder_of(self, folder: str) -> tuple[Workspace, bool]:
        """Where the files of an input's folder are put, and whether it is a view."""
        parents = {str(parent) for parent in (PurePosixPath(folder), *PurePosixPath(folder).parents)}
        is_view = not parents.isdisjoint(self._folders)
        return (self._lower if is_view else self._workspace), is_view

    def mount(self, mount: FolderMount) -> Mount:
        """The mount of one of the instance's folders. Raises DiskFull, StagingFailure."""
        if mount.folder in self._folders:
            return self.make(mount.folder, mount.target)
        return BindMount(source=self._workspace.root / mount.folder, target=mount.target)

    def make(self, folder: str, target: str) -> OverlayMount:
        """A view of a folder, whose own folders exist. Raises DiskFull, StagingFailure."""
        upper, work = f"overlays/{folder}/upper", f"overlays/{folder}/work"
        self._workspace.make_folders([upper, work])
        self._lower.make_folders([folder])
        root = self._workspace.root
        return OverlayMount(lower=self._lower.root / folder, upper=root / upper, work=root / work, target=target)

    def size_bytes(self) -> int:
        """The size of the files in all views, which belong to the volume and lie outside of it."""
        files = (Path(folder) / name for folder, _, names in os.walk(self._lower.root) for name in names)
        return sum(file.lstat().st_size for file in files)

    def remove(self) -> None:
        """Remove the files; those of the cache stay. Raises StagingFailure."""
        self._volumes.remove(self._lower.root)
