"""Removes trees that a container has made, however deep they are."""

import os
import shutil
import subprocess
from pathlib import Path

from processing_emulator.errors import StagingFailure


def remove_tree(root: Path) -> None:
    """Remove a folder and everything below it; nothing happens when it is gone. Raises StagingFailure."""
    if os.path.lexists(root):
        _remove(root)


def empty_tree(root: Path) -> None:
    """Remove everything below a folder, which stays. Raises StagingFailure."""
    try:
        children = list(root.iterdir())
    except OSError as error:
        raise StagingFailure(f"cannot list {root}: {error.strerror}") from error
    for child in children:
        _remove(child)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except (OSError, RecursionError):
        # A container may nest folders deeper than rmtree can go.
        done = subprocess.run(["rm", "-rf", "--", str(path)], capture_output=True, text=True, check=False)  # noqa: S607
        if done.returncode:
            raise StagingFailure(
                f"cannot remove {path}: {done.stderr.strip()[:300]}; remove it with: sudo rm -rf {path}"
            ) from None
