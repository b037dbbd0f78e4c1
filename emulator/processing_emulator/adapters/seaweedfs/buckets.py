"""The buckets of the embedded store, read from the part of it that keeps the names."""

import json
from collections.abc import Mapping
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote

from processing_emulator.adapters.seaweedfs.command import LOOPBACK, Ports
from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed

_PAGE = 1000
_ANSWER_SECONDS = 10.0
_IS_FOLDER = 1 << 31
"""Go's bit for folders."""

_WELL = 200
_NO_FOLDER = 404
"""A new store answers so until its S3 part has made the folder of buckets, a moment after it takes requests."""

_NOTHING: dict[str, Any] = {"Entries": None, "ShouldDisplayLoadMore": False}


def bucket_times(ports: Ports) -> Mapping[str, datetime]:
    """All buckets by name, and when each was made. Raises EmbeddedStoreFailed."""
    found: dict[str, datetime] = {}
    last = ""
    while True:
        page = _page(ports.filer, last)
        for entry in page["Entries"] or []:
            name = entry["FullPath"].rpartition("/")[2]
            if entry["Mode"] & _IS_FOLDER and not name.startswith("."):
                found[name] = datetime.fromisoformat(entry["Crtime"])
        if not page["ShouldDisplayLoadMore"]:
            return found
        last = page["LastFileName"]


def _page(port: int, last: str) -> dict[str, Any]:
    connection = HTTPConnection(LOOPBACK, port, timeout=_ANSWER_SECONDS)
    try:
        path = f"/buckets/?limit={_PAGE}&lastFileName={quote(last, safe='')}"
        connection.request("GET", path, headers={"accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == _NO_FOLDER:
            return _NOTHING
        if answer.status != _WELL:
            raise EmbeddedStoreFailed(f"the buckets of the embedded store cannot be read: HTTP status {answer.status}")
        page: dict[str, Any] = json.loads(body)
    except (OSError, HTTPException, ValueError) as error:
        raise EmbeddedStoreFailed(f"the buckets of the embedded store cannot be read: {error}") from error
    else:
        return page
    finally:
        connection.close()
