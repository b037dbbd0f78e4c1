"""The user's scripts and seed: boot scripts, then the seed, then ready scripts, and shutdown scripts at the end."""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from processing_emulator.adapters.hooks.runner import HookRunner, Progress
from processing_emulator.adapters.hooks.scripts import Stage
from processing_emulator.adapters.seed.apply import apply_seed
from processing_emulator.adapters.seed.client import S3Access
from processing_emulator.adapters.seed.plan import SeedPlan
from processing_emulator.adapters.seed.read import read_seed
from processing_emulator.config import Settings
from processing_emulator.domain.datasets import Catalogue
from processing_emulator.ports import CancelToken

if TYPE_CHECKING:  # what is needed later is loaded later
    from processing_emulator.admin.reset import LoadedSeed

logger = logging.getLogger(__name__)


class SeedAndHooks:
    """Runs the scripts of each stage, applies the seed, and knows how far each has come."""

    def __init__(self, settings: Settings) -> None:
        """Raises StartFailure when the init directory does not exist."""
        self._seed_path: Path | None = settings.seed
        self._hooks = HookRunner(settings.init_dir, settings.init_timeout_seconds, _log_output)
        self._plan = SeedPlan()
        self._seed = Progress.PENDING
        self.seeding = threading.Lock()
        """Held while the seed is applied at the start: a reset at that moment would delete its buckets."""

    def run_boot_scripts(self) -> None:
        """Run boot.d, then read the seed, which these scripts may have made. Raises HookFailed, StartFailure."""
        cancel = threading.Event()
        # In a thread, because a signal may interrupt the main thread anywhere, and no script may survive that.
        with ThreadPoolExecutor(1, thread_name_prefix="boot") as pool:
            try:
                pool.submit(self._hooks.run, Stage.BOOT, {}, cancel).result()
            except BaseException:
                cancel.set()
                raise
        if self._seed_path is not None:
            self._plan = self._read(self._seed_path)

    def catalogue(self) -> Catalogue:
        """The tables of the seed that was read last."""
        return Catalogue(self._plan.tables)

    def get_ready(self, access: S3Access, variables: Mapping[str, str], cancel: CancelToken) -> None:
        """Put the seed into the store, then run ready.d. Raises StagingFailure, HookFailed, Cancelled."""
        self._seed = Progress.RUNNING
        try:
            with self.seeding:
                applied = apply_seed(self._plan, access, cancel)
        except BaseException:
            self._seed = Progress.FAILED
            raise
        self._seed = Progress.COMPLETED
        if self._seed_path is not None:
            logger.info("seed applied", extra={"seed": self._seed_path, **asdict(applied)})
        self._hooks.run(Stage.READY, variables, cancel)

    def wind_down(self, variables: Mapping[str, str], cancel: CancelToken) -> None:
        """Run shutdown.d. Raises HookFailed, Cancelled."""
        self._hooks.run(Stage.SHUTDOWN, variables, cancel)

    def load_seed(self, access: S3Access) -> "LoadedSeed | None":
        """Read the seed again, for a reset; None when there is none. Raises StartFailure when it is broken."""
        if self._seed_path is None:
            return None
        from processing_emulator.admin.reset import LoadedSeed

        plan = self._read(self._seed_path)

        def apply() -> dict[str, object]:
            self._plan = plan
            return asdict(apply_seed(plan, access, threading.Event()))

        return LoadedSeed(apply=apply)

    def state(self) -> dict[str, object]:
        """Every stage with its scripts, as JSON values."""
        return {"stages": self._hooks.state(), "seed": {"status": self._seed.value}}

    def progress(self) -> dict[str, object]:
        """How far each stage has come, in a word."""
        return {**self._hooks.progress(), "seed": self._seed.value}

    def _read(self, path: Path) -> SeedPlan:
        plan = read_seed(path)
        for note in plan.notes:
            logger.warning("part of the seed ignored", extra={"reason": note})
        return plan


def _log_output(script: str, line: str) -> None:
    logger.info("script output", extra={"script": script, "line": line})
