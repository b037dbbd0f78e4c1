"""Whether a store that is starting takes objects already."""

import json
from http.client import HTTPConnection, HTTPException

from processing_emulator.adapters.seaweedfs.command import LOOPBACK, Ports

_ANSWER_SECONDS = 2.0


def accepts_objects(ports: Ports) -> bool:
    """True when S3 answers and the master knows of room for volumes."""
    buckets = _get(ports.s3, "/")
    if buckets is None:
        return False
    state = _get(ports.master, "/dir/status")
    return state is not None and json.loads(state)["Topology"]["Max"] > 0


def _get(port: int, path: str) -> bytes | None:
    connection = HTTPConnection(LOOPBACK, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"accept": "application/json"})
        response = connection.getresponse()
        return response.read() if response.status == 200 else None
    except (OSError, HTTPException):
        return None  # not yet
    finally:
        connection.close()
