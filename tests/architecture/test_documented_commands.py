"""Every `processing-emulator ...` in the README and the documentation is a command with arguments that it takes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from processing_emulator.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "reference" / "settings.md"]
PAGES += [*ROOT.glob("examples/**/README.md"), *ROOT.glob("containers/**/README.md")]
COMMAND = re.compile(r"(?:^(?:\$ )?|`|\(|uvx |; )processing-emulator ([a-z][^`\n]*)", re.MULTILINE)
END = re.compile(r"  +#| \\?\| | >> | > |\)\"|$")
PLACEHOLDERS = {"COMMAND"}


def commands_of(page: Path) -> list[str]:
    """The arguments of each command, without what a shell would take: pipes, redirections, comments."""
    found = COMMAND.findall(page.read_text(encoding="utf-8"))
    return sorted({END.split(arguments)[0].strip() for arguments in found} - PLACEHOLDERS)


WRITTEN = [(page, arguments) for page in PAGES for arguments in commands_of(page)]


@pytest.mark.parametrize(("page", "arguments"), WRITTEN, ids=lambda value: str(getattr(value, "stem", value)))
def test_the_command_takes_these_arguments(
    page: Path, arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word for word in shlex.split(arguments) if not word.startswith("[")]
    for word in words[1:]:
        if Path(word).suffix:
            (tmp_path / Path(word).name).touch()  # commands check that files exist
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, f"{page.name}: processing-emulator {arguments}"
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


def test_finds_the_commands_of_the_readme() -> None:
    assert {"images build", "start -d", "env"} <= {arguments for page, arguments in WRITTEN if page.name == "README.md"}
