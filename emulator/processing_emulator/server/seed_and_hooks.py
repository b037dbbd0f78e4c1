"""What happens around the server's life besides serving: the user's scripts, and the seed."""

import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from processing_emulator.adapters.hooks.runner import HookRunner, Progress
from processing_emulator.adapters.hooks.scripts import Stage
from processing_emulator.adapters.seed.apply import sow
from processing_emulator.adapters.seed.client import S3Access
from processing_emulator.adapters.seed.plan import SeedPlan
from processing_emulator.adapters.seed.read import read_seed
from processing_emulator.config import Settings
from processing_emulator.ports import CancelToken

if TYPE_CHECKING:  # what is needed later is loaded later
    from processing_emulator.admin.reset import SeedAgain


class Preparation:
    """Boot scripts, seed, ready scripts and, at the end, shutdown scripts; knows which of them are through."""

    def __init__(self, settings: Settings) -> None:
        """Raises StartFailure when the init directory is not there."""
        self._seed_path: Path | None = settings.seed
        self._hooks = HookRunner(settings.init_dir, settings.init_timeout_seconds, _say)
        self._plan = SeedPlan()
        self._seed = Progress.PENDING
        self.sowing = threading.Lock()
        """Held while the seed is put in at the start: a reset in the middle would take its buckets away."""

    def boot(self) -> None:
        """Run boot.d, then read the seed, which these scripts may have made. Raises HookFailed, StartFailure."""
        cancel = threading.Event()
        # In a thread, because a signal may interrupt this one anywhere, and no script may be left behind then.
        with ThreadPoolExecutor(1, thread_name_prefix="boot") as pool:
            try:
                pool.submit(self._hooks.run, Stage.BOOT, {}, cancel).result()
            except BaseException:
                cancel.set()
                raise
        if self._seed_path is not None:
            self._plan = self._read(self._seed_path)

    def get_ready(self, access: S3Access, variables: Mapping[str, str], cancel: CancelToken) -> None:
        """Put the seed into the store, then run ready.d. Raises StagingFailure, HookFailed, Cancelled."""
        self._seed = Progress.RUNNING
        try:
            with self.sowing:
                sow(self._plan, access, cancel)
        except BaseException:
            self._seed = Progress.FAILED
            raise
        self._seed = Progress.COMPLETED
        self._hooks.run(Stage.READY, variables, cancel)

    def wind_down(self, variables: Mapping[str, str], cancel: CancelToken) -> None:
        """Run shutdown.d. Raises HookFailed, Cancelled."""
        self._hooks.run(Stage.SHUTDOWN, variables, cancel)

    def seed_again(self, access: S3Access) -> "SeedAgain | None":
        """The seed as it is now, for a reset; None when there is none. Raises StartFailure when it is broken."""
        if self._seed_path is None:
            return None
        from processing_emulator.admin.reset import SeedAgain

        plan = self._read(self._seed_path)
        return SeedAgain(apply=lambda: asdict(sow(plan, access, threading.Event())))

    def state(self) -> dict[str, object]:
        """Every stage with its scripts, as JSON values."""
        return {"stages": self._hooks.state(), "seed": {"status": self._seed.value}}

    def progress(self) -> dict[str, object]:
        """How far each stage has come, in a word."""
        return {**self._hooks.progress(), "seed": self._seed.value}

    def _read(self, path: Path) -> SeedPlan:
        plan = read_seed(path)
        for note in plan.notes:
            _say(note)
        return plan


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
