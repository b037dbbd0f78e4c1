"""A seed is a folder or a file; either becomes a plan."""

from pathlib import Path

from processing_emulator.adapters.seed.folder import plan_of_folder
from processing_emulator.adapters.seed.plan import SeedPlan
from processing_emulator.errors import StartFailure


def read_seed(path: Path) -> SeedPlan:
    """Read all of it, but no object's content. Raises StartFailure with a sentence about what to correct."""
    if path.is_dir():
        return plan_of_folder(path)
    if not path.exists():
        raise StartFailure(f"seed {path} is not there")
    if not path.is_file():  # reading a pipe could take for ever
        raise StartFailure(f"seed {path} is neither a folder nor a regular file")
    from processing_emulator.adapters.seed.document import plan_of_file  # pydantic's models take a while to make

    return plan_of_file(path)
