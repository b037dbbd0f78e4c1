"""The state changes of all jobs, derived from the feed of stored events: each once, in one order, after a kill too."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from processing_emulator.domain.state_change import (
    ACTIONS,
    Description,
    changes_state,
    job_at_event,
    state_change_document,
)
from processing_emulator.errors import JobNotFound
from processing_emulator.ports import FeedEvent, JobStore

_READ_AT_ONCE = 200


class StateChange(NamedTuple):
    """One event of EventBridge, and when it happened. `place` in the feed grows and is never given twice."""

    place: int
    at: datetime
    event: Mapping[str, Any]


class StateChangePage(NamedTuple):
    """`next` is where a reader continues: nothing before it will be a state change any more."""

    changes: Sequence[StateChange]
    next: int


class StateChanges:
    """Reads them."""

    def __init__(self, store: JobStore, describe: Description) -> None:
        self._store = store
        self._describe = describe

    def after(self, place: int, limit: int) -> StateChangePage:
        """At most `limit` changes behind a place; 0 is before the first. Fewer: there are no more now."""
        changes: list[StateChange] = []
        while True:
            stored = self._store.events_after(place, _READ_AT_ONCE, ACTIONS)
            for each in stored:
                if len(changes) == limit:
                    return StateChangePage(changes, place)
                place = each.id
                if changes_state(each.event, each.phase) and (change := self._change(each)):
                    changes.append(change)
            if len(stored) < _READ_AT_ONCE:
                return StateChangePage(changes, place)

    def _change(self, stored: FeedEvent) -> StateChange | None:
        """None for a job that was removed meanwhile, by a reset or because it is old."""
        try:
            job = self._store.get(stored.job_id)
        except JobNotFound:
            return None
        then = job_at_event(job, stored.event, stored.phase, stored.status)
        document = state_change_document(then, stored.event.at, stored.id, self._describe)
        return StateChange(stored.id, stored.event.at, document)
