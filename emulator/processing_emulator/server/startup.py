"""What happens before the rest of the server is loaded: data directory, boot scripts, and the embedded store's start.

The store takes longest to start, as a process of its own; this module imports little, so that the start of the store
and the import of the server overlap.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.config import Settings
from processing_emulator.server.s3_store import S3Part
from processing_emulator.server.seed_and_hooks import SeedAndHooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """What exists by then. The embedded store may still be starting."""

    data: DataDir
    hooks: SeedAndHooks
    s3: S3Part


@contextmanager
def starting(settings: Settings) -> Iterator[Startup]:
    """Lock the data directory, run the boot scripts and start the store, which ends on leaving.

    Raises EmulatorError with a sentence for the user.
    """
    with ExitStack() as stack:
        data = DataDir(settings.data_dir.absolute())
        stack.enter_context(data.locked())
        hooks = SeedAndHooks(settings)
        hooks.run_boot_scripts()
        s3 = S3Part(settings, data)
        stack.callback(s3.stop)
        yield Startup(data=data, hooks=hooks, s3=s3)
