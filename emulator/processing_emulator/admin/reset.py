"""A reset: every job forgotten, the embedded store emptied, the seed applied again. One at a time, and whole."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from processing_emulator.engine.scheduler import Forgotten
from processing_emulator.errors import EmulatorError

logger = logging.getLogger(__name__)


class ResetScope(StrEnum):
    """What a reset is about."""

    ALL = "all"
    JOBS = "jobs"
    S3 = "s3"


class ExternalStoreStays(EmulatorError):
    """The store is not the emulator's own, and nobody said that it is to be emptied."""


class ServerEnds(EmulatorError):
    """It is too late for a reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedAgain:
    """A seed that was read, and is known to be good. `apply` says what it made."""

    apply: Callable[[], dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetParts:
    """What a reset does, given by whoever knows the parts. `closed` keeps other requests waiting meanwhile."""

    forget_jobs: Callable[[], Forgotten]
    empty_s3: Callable[[], list[str]]
    s3_is_external: bool
    read_seed: Callable[[], SeedAgain | None]
    closed: Callable[[], AbstractContextManager[None]]


class Resetter:
    """Resets the server. Two at once: the second waits, and then finds little to do."""

    def __init__(self, parts: ResetParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._is_over = False

    def reset(self, scope: ResetScope, *, external: bool) -> dict[str, object]:
        """Do it; what was removed, as JSON values. `external`: an external store is to be emptied as well.

        Raises ExternalStoreStays, StartFailure (the seed is broken) and ServerEnds before anything is touched, and
        EmulatorError when a part could not do it.
        """
        if scope is ResetScope.S3 and self._parts.s3_is_external and not external:
            raise ExternalStoreStays(
                "The S3 store is not the emulator's own, so its buckets are left alone; "
                "with external=true all buckets that the emulator's keys can see are deleted."
            )
        with self._lock:
            if self._is_over:
                raise ServerEnds("The server is ending.")
            has_s3 = scope is not ResetScope.JOBS and (external or not self._parts.s3_is_external)
            seed = self._parts.read_seed() if scope is not ResetScope.JOBS else None
            with self._parts.closed():
                return self._reset(scope, seed, has_s3=has_s3)

    def close(self) -> None:
        """Wait for a reset under way; there is none after it."""
        with self._lock:
            self._is_over = True

    def _reset(self, scope: ResetScope, seed: SeedAgain | None, *, has_s3: bool) -> dict[str, object]:
        answer: dict[str, object] = {"status": "ok", "scope": scope.value}
        if scope is not ResetScope.S3:
            forgotten = self._parts.forget_jobs()
            answer["jobs"] = {"removed": forgotten.jobs, "leftovers": forgotten.leftovers}
            if forgotten.warning is not None:
                answer["warning"] = forgotten.warning
        if scope is not ResetScope.JOBS:
            buckets = self._parts.empty_s3() if has_s3 else []
            answer["s3"] = {"buckets": sorted(buckets), "leftAlone": not has_s3}
        if seed is not None:
            answer["seed"] = seed.apply()
        logger.info("reset", extra={"action": "reset", "scope": scope.value})
        return answer
