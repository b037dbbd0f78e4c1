"""The engine on fakes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.engine.engine_rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    try:
        yield made
    finally:
        made.close()
