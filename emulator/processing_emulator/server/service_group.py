"""Background services: started once, in order, and stopped in reverse order."""

from collections.abc import Sequence
from typing import Protocol


class Service(Protocol):
    """Something that runs in the background. Both calls are idempotent."""

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def stop(self) -> None:
        """End; returns when no thread of it runs any more."""
        ...


class ServiceGroup:
    """Services started in order and stopped in reverse; what started is stopped even if a later one fails."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = tuple(services)
        self._started: list[Service] = []

    def start(self) -> None:
        """Start all; when one fails, stop those before it and raise."""
        try:
            for service in self._services:
                service.start()
                self._started.append(service)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all that started, last first."""
        while self._started:
            self._started.pop().stop()
