"""SeaweedFS's Unix sockets: their folder is fixed, and they remain when SeaweedFS is killed."""

import errno
import socket
import stat
import time
from pathlib import Path

_FOLDER = Path("/tmp")  # noqa: S108  (fixed in SeaweedFS)
_PARTS = ("master", "volume", "filer", "s3")
_YOUNG_SECONDS = 60.0
"""A younger one may belong to a store that is just starting."""


def socket_path(part: str, grpc_port: int) -> Path:
    """The socket on which a part listens, in addition to its gRPC port."""
    return _FOLDER / f"seaweedfs-{part}-grpc-{grpc_port}.sock"


def remove_stale_sockets() -> None:
    """Remove sockets without a listener, left by killed servers."""
    for part in _PARTS:
        for path in _FOLDER.glob(f"seaweedfs-{part}-grpc-*.sock"):
            if _is_dead(path):
                path.unlink(missing_ok=True)


def _is_dead(path: Path) -> bool:
    try:
        status = path.lstat()
        if not stat.S_ISSOCK(status.st_mode) or time.time() - status.st_mtime < _YOUNG_SECONDS:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    return False
