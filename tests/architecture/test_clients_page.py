"""docs/clients.md lists every variable that `env` sets or removes, every format, and the SDK configuration file."""

import re
from pathlib import Path

from processing_emulator.cli.env import EMPTIED, REMOVED, SDK_CONFIG_VARIABLE, client_variables
from processing_emulator.cli.env_formats import EnvFormat
from processing_emulator.cli.sdk_config import sdk_config
from processing_emulator.config import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")


def _first_cells(heading: str) -> list[str]:
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_lists_the_variables_that_env_sets() -> None:
    assert _first_cells("What is set") == [*client_variables(Settings()), SDK_CONFIG_VARIABLE]


def test_lists_the_variables_that_env_removes() -> None:
    assert _first_cells("What is removed") == list(REMOVED)
    assert REMOVED[: len(EMPTIED)] == EMPTIED


def test_mentions_every_format() -> None:
    assert {shape for shape in EnvFormat if f"--format {shape} " not in PAGE} == {EnvFormat.SH}


def test_shows_the_sdk_configuration_file() -> None:
    written = sdk_config(Settings()).partition("\n")[2]
    assert f"```yaml\n{written}```" in PAGE
