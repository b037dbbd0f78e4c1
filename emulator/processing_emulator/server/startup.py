"""What comes before everything else: the data directory, the user's boot scripts, and the embedded store's start.

That start takes longest, in a process of its own. It imports little, so that the rest can be loaded meanwhile.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.config import Settings
from processing_emulator.server.s3_store import S3Part
from processing_emulator.server.seed_and_hooks import Preparation


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the server stands on. The embedded store may still be starting."""

    data: DataDir
    preparation: Preparation
    s3: S3Part


@contextmanager
def grounded(settings: Settings) -> Iterator[Ground]:
    """Hold the data directory, run the boot scripts and start the store; the store ends on leaving.

    Raises EmulatorError with a sentence for the user.
    """
    with ExitStack() as stack:
        data = DataDir(settings.data_dir.absolute())
        stack.enter_context(data.locked())
        preparation = Preparation(settings)
        preparation.boot()
        s3 = S3Part(settings, data)
        stack.callback(s3.stop)
        yield Ground(data=data, preparation=preparation, s3=s3)
