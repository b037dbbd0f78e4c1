"""Whether this machine lets the emulator limit volumes, and if not, why."""

import os
import shutil
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from processing_emulator.adapters.volumes.image import PROGRAMS, make_image, mount_image, unmount
from processing_emulator.adapters.volumes.mounts import mounted_below
from processing_emulator.adapters.volumes.tree import remove_tree
from processing_emulator.errors import StagingFailure

_TRIAL_BYTES = 1024**2
_UNIX = "unix://"


def find_obstacle(folder: Path, engine_address: str) -> str | None:
    """Why volumes below a folder that exists cannot be limited; None if they can.

    Mounts a small file system for a moment. `engine_address` is that of Docker, which has to see what is mounted.
    """
    if sys.platform != "linux":
        return "this is not Linux"
    if os.geteuid() != 0:
        return "the server does not run as root"
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        return f"{', '.join(lacking)} not found (packages e2fsprogs, util-linux and coreutils)"
    if not _sees_our_mounts(engine_address):
        return f"the Docker engine at {engine_address} does not see what the server mounts"
    return _try_it(folder)


def _try_it(folder: Path) -> str | None:
    place = folder / "volume-trial"
    point, image = place / "volume", place / "image"
    try:
        _remove(place)  # what a crash may have left
        point.mkdir(parents=True)
        make_image(image, _TRIAL_BYTES)
        mount_image(image, point)
        _remove(place)
    except (OSError, StagingFailure) as error:
        with suppress(StagingFailure):  # the first error says more
            _remove(place)
        return str(error)
    return None


def _remove(place: Path) -> None:
    for point in mounted_below(place):
        unmount(point)
    remove_tree(place)


def _sees_our_mounts(engine_address: str) -> bool:
    """Whether the process behind a Unix socket has the mount table of this process.

    A process in another PID namespace, as seen from inside a container, has the number 0 here.
    """
    if not engine_address.startswith(_UNIX):
        return False
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(engine_address.removeprefix(_UNIX))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid: int = struct.unpack("3i", credentials)[0]
            return Path(f"/proc/{pid}/ns/mnt").readlink() == Path("/proc/self/ns/mnt").readlink()
        except OSError:
            return False
