"""`cache`: what the cache of inputs of a running server holds, and how to clear it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.cli.env import client_variables
from processing_emulator.cli.settings_flags import UsageFault
from processing_emulator.config import Settings
from processing_emulator.domain.instance_types import GIB

TIMEOUT_SECONDS = 60
"""Clearing a million files takes a while."""


def ask_cache(settings: Settings, *, clear: bool) -> Mapping[str, Any]:
    """The document of the server's cache, after it was cleared if asked to. Raises UsageFault without a server."""
    url = f"{client_variables(settings)['AWS_ENDPOINT_URL']}{ADMIN_PREFIX}/cache"
    request = urllib.request.Request(url, method="DELETE" if clear else "GET")  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            document: Mapping[str, Any] = json.load(answer)
            return document
    except (OSError, ValueError) as error:
        folder = DataDir(settings.data_dir.absolute()).cache / "objects"
        raise UsageFault(
            f"no emulator answers at {url}: start it, or name its --host and --port ({_reason(error)}). "
            f"While it does not run, its cache is the folder {folder}, which may be deleted."
        ) from error


def _reason(error: Exception) -> str:
    return str(error.reason) if isinstance(error, urllib.error.URLError) else str(error)


def cache_lines(document: Mapping[str, Any]) -> str:
    """For people."""
    if not document["limitBytes"]:
        return "The cache is off (--cache-gib 0)."
    lines = [
        f"entries     {document['entries']}",
        f"size        {_gib(document['bytes'])} of {_gib(document['limitBytes'])}",
        f"in use      {_gib(document['usedBytes'])} by jobs that run",
        f"hits        {document['hits']} objects, {_gib(document['hitBytes'])} since the server was started",
        f"oldest use  {document['oldestUse'] or '-'}",
    ]
    return "\n".join(lines)


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.2f} GiB"
