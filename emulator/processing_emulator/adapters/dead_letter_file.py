"""A file with one JSON document a line for each event that could not be delivered."""

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from processing_emulator.errors import StoreFailure
from processing_emulator.ports import EventMessage


class DeadLetterFile:
    """Implements `ports.DeadLetters`. Lines are only appended; the file is for people to read and to remove."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, destination: str, message: EventMessage, error: str) -> None:
        """Append a line that is on the disk when this returns. Raises StoreFailure."""
        document = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "destination": destination,
            "error": error,
            "message": message.text,
            "event": message.event,
        }
        try:
            with self._lock, open(self._path, "a", encoding="ascii", opener=_private) as file:
                file.write(json.dumps(document) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as failure:
            raise StoreFailure(f"{self._path} cannot be written to: {failure.strerror}") from failure


def _private(path: str, flags: int) -> int:
    """Events hold the environment of jobs, where people put passwords."""
    return os.open(path, flags, mode=0o600)
