"""A few seconds of `make fuzz-staging`."""

from pathlib import Path
from random import SystemRandom

from tests.integration.staging_fuzz.run import fuzz


def test_generated_keys_and_trees_stay_inside(tmp_path: Path) -> None:
    counts = fuzz(tmp_path, SystemRandom().randrange(10**9), seconds=60, most=60)

    assert counts["cases"] >= 10
