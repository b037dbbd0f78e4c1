"""Where events are delivered to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """One delivery: the event, and the text that is sent. `target` is that of PutTargets, empty without a rule."""

    event: Mapping[str, Any]
    text: str
    target: Mapping[str, Any]


class EventSender(Protocol):
    """One receiver."""

    def send(self, message: EventMessage) -> None:
        """Deliver; returns when the receiver has taken it. Raises DeliveryFailed."""
        ...


class DeadLetters(Protocol):
    """Keeps what could not be delivered, for people to read."""

    def add(self, destination: str, message: EventMessage, error: str) -> None:
        """Keep it. Raises StoreFailure."""
        ...
