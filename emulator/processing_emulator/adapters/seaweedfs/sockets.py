"""SeaweedFS's Unix sockets: their place is written into it, and a killed one leaves them."""

import errno
import socket
import stat
import time
from pathlib import Path

_FOLDER = Path("/tmp")  # noqa: S108  (SeaweedFS knows no other)
_PARTS = ("master", "volume", "filer", "s3")
_YOUNG_SECONDS = 60.0
"""One that is younger may be about to be listened on."""


def socket_path(part: str, grpc_port: int) -> Path:
    """Where the part of that name listens beside its gRPC port."""
    return _FOLDER / f"seaweedfs-{part}-grpc-{grpc_port}.sock"


def sweep_dead_sockets() -> None:
    """Remove sockets that nobody listens on any more: of servers that were killed and never started again."""
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
