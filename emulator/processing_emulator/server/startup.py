"""What happens before the rest of the server is loaded: data directory, boot scripts, and the embedded store's start.

The store takes longest to start, as a process of its own; this module imports little, so that the start of the store
and the import of the server overlap.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.disk_space import DiskReserve, full_disk
from processing_emulator.config import Settings
from processing_emulator.server.s3_store import S3Part
from processing_emulator.server.seed_and_hooks import SeedAndHooks

logger = logging.getLogger(__name__)

_FULL_DISK_HINT = "the server starts so that you can list and delete; jobs and uploads fail until space is free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """What exists by then. The embedded store may still be starting."""

    data: DataDir
    reserve: DiskReserve
    hooks: SeedAndHooks
    s3: S3Part


@contextmanager
def starting(settings: Settings) -> Iterator[Startup]:
    """Lock the data directory, run the boot scripts and start the store, which ends on leaving.

    Raises EmulatorError with a sentence for the user.
    """
    with ExitStack() as stack:
        data = DataDir(settings.data_dir.absolute())
        reserve = DiskReserve(data.root)
        stack.enter_context(data.locked())
        _prepare_disk(data, reserve)
        hooks = SeedAndHooks(settings)
        hooks.run_boot_scripts()
        s3 = S3Part(settings, data)
        stack.callback(s3.stop)
        yield Startup(data=data, reserve=reserve, hooks=hooks, s3=s3)


def _prepare_disk(data: DataDir, reserve: DiskReserve) -> None:
    """On a full disk, give the reserve back: the database and the embedded store need some space to start."""
    problem = full_disk(data.root)
    if problem is None:
        reserve.hold()
        return
    reserve.release()
    logger.warning("disk full", extra={"error": problem, "hint": _FULL_DISK_HINT})
