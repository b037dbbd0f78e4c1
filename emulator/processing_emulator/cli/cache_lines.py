"""What the command `cache` prints."""

from processing_emulator.cli.emulator_client import Document
from processing_emulator.quantities import size


def cache_lines(document: Document) -> str:
    """The server's document for people."""
    if not document["limitBytes"]:
        return "The cache is off (--cache-gib 0)."
    lines = [
        f"entries     {document['entries']}",
        f"size        {size(document['bytes'])} of {size(document['limitBytes'])}",
        f"in use      {size(document['usedBytes'])} by jobs that run",
        f"hits        {document['hits']} objects, {size(document['hitBytes'])} since the server was started",
        f"oldest use  {document['oldestUse'] or '-'}",
    ]
    return "\n".join(lines)
