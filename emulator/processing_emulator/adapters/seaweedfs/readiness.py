"""Whether a starting store accepts objects yet."""

from http.client import HTTPConnection, HTTPException

from processing_emulator.adapters.seaweedfs.command import LOOPBACK, Ports

_TIMEOUT_SECONDS = 2.0
_OK = 200
_FORBIDDEN = 403
"""S3 answers so to an unsigned request once it knows its identity."""


def accepts_objects(ports: Ports) -> bool:
    """True when S3 checks signatures and the master's page, all it serves over HTTP, lists the volume server."""
    if _get(ports.s3, "/")[0] != _FORBIDDEN:
        return False
    status, page = _get(ports.master, "/")
    return status == _OK and f"{LOOPBACK}:{ports.volume}".encode() in page


def _get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body; status 0 without an answer."""
    connection = HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()
