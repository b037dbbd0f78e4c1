"""A reset: deletes all jobs, empties the embedded store and applies the seed again. One at a time, completely."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from processing_emulator.engine.scheduler import ResetResult
from processing_emulator.errors import EmulatorError

logger = logging.getLogger(__name__)


class ResetScope(StrEnum):
    """What to reset."""

    ALL = "all"
    JOBS = "jobs"
    S3 = "s3"


class ExternalStoreKept(EmulatorError):
    """The store is not the emulator's own, and the request did not ask to empty it."""


class ServerStopping(EmulatorError):
    """It is too late for a reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSeed:
    """A seed that was read and is valid. `apply` puts it into the store and returns what it created."""

    apply: Callable[[], dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetSteps:
    """What a reset does. Other requests wait while `closed` is entered."""

    forget_jobs: Callable[[], ResetResult]
    empty_s3: Callable[[], list[str]]
    s3_is_external: bool
    read_seed: Callable[[], LoadedSeed | None]
    closed: Callable[[], AbstractContextManager[None]]


class Resetter:
    """Resets the server. A second reset waits for the first."""

    def __init__(self, steps: ResetSteps) -> None:
        self._steps = steps
        self._lock = threading.Lock()
        self._is_over = False

    def reset(self, scope: ResetScope, *, external: bool) -> dict[str, object]:
        """Reset, and return what was removed, as JSON values. `external`: empty an external store, too.

        Raises ExternalStoreKept, StartFailure (the seed is broken) and ServerStopping before anything is changed, and
        EmulatorError when a step fails.
        """
        if scope is ResetScope.S3 and self._steps.s3_is_external and not external:
            raise ExternalStoreKept(
                "The S3 store is not the emulator's own, so its buckets are left alone; "
                "with external=true all buckets that the emulator's keys can see are deleted."
            )
        with self._lock:
            if self._is_over:
                raise ServerStopping("The server is stopping.")
            has_s3 = scope is not ResetScope.JOBS and (external or not self._steps.s3_is_external)
            seed = self._steps.read_seed() if scope is not ResetScope.JOBS else None
            with self._steps.closed():
                return self._reset(scope, seed, has_s3=has_s3)

    def close(self) -> None:
        """Wait for a reset in progress, and refuse later ones."""
        with self._lock:
            self._is_over = True

    def _reset(self, scope: ResetScope, seed: LoadedSeed | None, *, has_s3: bool) -> dict[str, object]:
        answer: dict[str, object] = {"status": "ok", "scope": scope.value}
        jobs, buckets = None, None
        if scope is not ResetScope.S3:
            result = self._steps.forget_jobs()
            jobs = result.jobs
            answer["jobs"] = {"removed": result.jobs, "leftovers": result.leftovers}
            if result.warning is not None:
                answer["warning"] = result.warning
        if scope is not ResetScope.JOBS:
            names = self._steps.empty_s3() if has_s3 else []
            buckets = len(names)
            answer["s3"] = {"buckets": sorted(names), "leftAlone": not has_s3}
        if seed is not None:
            answer["seed"] = seed.apply()
        logger.info(
            "server reset",
            extra={"scope": scope, "jobs": jobs, "buckets": buckets, "warning": answer.get("warning")},
        )
        return answer
