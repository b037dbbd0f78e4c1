"""docs/clients.md names every variable that `env` sets or removes, every format, and the file as it is written."""

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


def test_variables_that_are_set_are_listed_in_their_order() -> None:
    assert _first_cells("What is set") == [*client_variables(Settings()), SDK_CONFIG_VARIABLE]


def test_variables_that_are_removed_are_listed_in_their_order() -> None:
    assert _first_cells("What is removed") == list(REMOVED)
    assert REMOVED[: len(EMPTIED)] == EMPTIED


def test_every_format_has_a_line() -> None:
    assert {shape for shape in EnvFormat if f"--format {shape} " not in PAGE} == {EnvFormat.SH}


def test_the_configuration_is_shown_as_it_is_written() -> None:
    written = sdk_config(Settings()).partition("\n")[2]
    assert f"```yaml\n{written}```" in PAGE
