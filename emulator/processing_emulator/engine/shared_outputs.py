"""Notices objects that more than one host of a job writes: keys have no host's name, so the last one wins (spec 4)."""

from collections.abc import Sequence

from processing_emulator.engine.instance import ObjectsUploaded

MOST_OBJECTS = 200_000
"""Objects of one job that are compared. Their URIs are kept as hashes, some 20 MB in all."""

MOST_EXAMPLES = 10

Detail = dict[str, object]
"""The detail of an event in the job's history."""

OVERWRITTEN = "outputs_overwritten"
NOT_COMPARED = "outputs_not_compared"


class SharedOutputs:
    """The objects of one job, by the host that wrote each first."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = hosts
        self._writer: dict[int, int] = {}
        self._shared: set[int] = set()
        self._examples: list[str] = []
        self._sharing: set[int] = set()
        self._told_of: set[int] = set()
        self._told_objects = 0
        self._is_full = False
        self._told_full = False

    def add(self, uploaded: ObjectsUploaded) -> list[tuple[str, Detail]]:
        """Events for the history: when a host first writes what another has written, and when there are too many."""
        for uri in uploaded.uris:
            self._add(uploaded.index, uri)
        events = []
        if uploaded.index in self._sharing - self._told_of:
            events.append(self._overwritten())
        if self._is_full and not self._told_full:
            self._told_full = True
            events.append((NOT_COMPARED, {"compared": MOST_OBJECTS}))
        return events

    def total(self) -> list[tuple[str, Detail]]:
        """The event at the end of the job, unless the last one has told it all."""
        return [self._overwritten()] if len(self._shared) > self._told_objects else []

    def _add(self, index: int, uri: str) -> None:
        known = hash(uri)
        writer = self._writer.get(known)
        if writer is None and len(self._writer) >= MOST_OBJECTS:
            self._is_full = True
        elif writer is None:
            self._writer[known] = index
        elif writer != index:
            self._sharing |= {writer, index}
            if known not in self._shared and len(self._examples) < MOST_EXAMPLES:
                self._examples.append(uri)
            self._shared.add(known)

    def _overwritten(self) -> tuple[str, Detail]:
        self._told_of |= self._sharing
        self._told_objects = len(self._shared)
        return OVERWRITTEN, {
            "hosts": [self._hosts[index] for index in sorted(self._sharing)],
            "objects": len(self._shared),
            "examples": list(self._examples),
        }
