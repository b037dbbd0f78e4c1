"""What a runner learns, written to the store before the next step is taken."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from processing_emulator.domain.job import PROGRESS, InstanceRecord, JobEvent, JobId
from processing_emulator.engine.retry import StoreRetry
from processing_emulator.errors import EmulatorError
from processing_emulator.ports import CancelToken, Clock

logger = logging.getLogger(__name__)


class JournalStore(Protocol):
    """The part of JobStore that runners write to."""

    def save_instance(self, record: InstanceRecord) -> None:
        """Store all facts but the cursor."""
        ...

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """Append to the job's history."""
        ...


class Journal:
    """The facts and the history of one instance. Both calls retry while the store fails, and raise Detached."""

    def __init__(
        self, store: JournalStore, record: InstanceRecord, clock: Clock, detaching: CancelToken, name: str
    ) -> None:
        self._store = store
        self._record = record
        self._clock = clock
        self._retry = StoreRetry(detaching, name)

    @property
    def record(self) -> InstanceRecord:
        """The facts as they are now."""
        return self._record

    def save(self, **changes: object) -> None:
        """Change facts of the record, by name of the field."""
        self._record = replace(self._record, **changes)  # type: ignore[arg-type]  # checked by the dataclass
        self._retry(lambda: self._store.save_instance(self._record))

    def event(self, action: str, **detail: object) -> None:
        """Append a line to the job's history, and to the server's log."""
        self._append(logging.INFO, action, detail)

    def problem(self, action: str, **detail: object) -> None:
        """The same for what a user should notice."""
        self._append(logging.WARNING, action, detail)

    def progress(self, detail: Mapping[str, object]) -> None:
        """Append how far a transfer is. Not logged, and dropped when the store fails: the next one says more."""
        try:
            self._store.add_event(self._record.job_id, self._made(PROGRESS, detail))
        except EmulatorError as error:
            logger.debug("progress dropped", extra={"error": error})

    def _append(self, level: int, action: str, detail: Mapping[str, object]) -> None:
        logger.log(level, action.replace("_", " "), extra=_for_log(detail))
        event = self._made(action, detail)
        self._retry(lambda: self._store.add_event(self._record.job_id, event))

    def _made(self, action: str, detail: Mapping[str, object]) -> JobEvent:
        return JobEvent(at=self._clock.now(), action=action, detail={"host": self._record.host, **detail})


def _for_log(detail: Mapping[str, object]) -> dict[str, object]:
    """Lists, such as the files that were skipped, are counted."""
    return {name: len(value) if isinstance(value, list) else value for name, value in detail.items()}
