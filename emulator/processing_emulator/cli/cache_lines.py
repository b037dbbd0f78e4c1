"""What the command `cache` prints."""

from processing_emulator.cli.emulator_client import Document
from processing_emulator.domain.instance_types import GIB


def cache_lines(document: Document) -> str:
    """The server's document for people."""
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
