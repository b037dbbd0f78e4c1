"""Turns the engine's stream of pull events into a progress line every few seconds."""

from collections.abc import Callable, Mapping
from typing import Any

PAUSE_SECONDS = 2.0
"""A pull sends hundreds of events a second; one new line in this time is enough."""

_MEGABYTE = 1_000_000
_LAYER_DONE = frozenset({"Pull complete", "Already exists"})
_LAYER_SEEN = frozenset({"Pulling fs layer", "Waiting", "Downloading", "Download complete", "Extracting"}) | _LAYER_DONE


class PullProgress:
    """Counts layers and bytes. `line` is shown until there is something to count."""

    def __init__(self, line: str, monotonic: Callable[[], float]) -> None:
        self._line = line
        self._monotonic = monotonic
        self._due = monotonic() + PAUSE_SECONDS
        self._layers: dict[str, bool] = {}
        self._bytes: dict[str, tuple[int, int]] = {}

    def after(self, event: Mapping[str, Any]) -> str:
        """The line to show after an event; it changes at most every PAUSE_SECONDS."""
        layer, status = event.get("id"), event.get("status")
        if isinstance(layer, str) and status in _LAYER_SEEN:
            self._layers[layer] = status in _LAYER_DONE
            detail = event.get("progressDetail") or {}
            if status == "Downloading" and detail.get("total"):
                self._bytes[layer] = (detail["current"], detail["total"])
            elif status != "Downloading" and layer in self._bytes:
                self._bytes[layer] = (self._bytes[layer][1], self._bytes[layer][1])
        if self._layers and self._monotonic() >= self._due:
            self._due = self._monotonic() + PAUSE_SECONDS
            self._line = self._summary()
        return self._line

    def _summary(self) -> str:
        layers = f"{sum(self._layers.values())} of {len(self._layers)} layers"
        if not self._bytes:
            return layers
        current = sum(now for now, _ in self._bytes.values()) / _MEGABYTE
        total = sum(total for _, total in self._bytes.values()) / _MEGABYTE
        return f"{layers}, {current:.1f} of {total:.1f} MB fetched"
