"""Finds the scripts of a stage, their order, and the command of each."""

import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from processing_emulator.errors import StartFailure


class Stage(StrEnum):
    """When scripts run. The values are the folder names."""

    BOOT = "boot.d"
    """Before anything else; the server cannot be reached."""
    READY = "ready.d"
    """The API answers and the seed is applied; `Ready.` is not printed yet."""
    SHUTDOWN = "shutdown.d"
    """The API still answers and jobs still run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One script. `name` is its path below the init directory."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The scripts of a stage in the order in which they run, and the names of files that are not scripts."""

    scripts: tuple[Script, ...]
    ignored: tuple[str, ...]


def find_scripts(init_dir: Path, stage: Stage) -> Found:
    """List the folder of a stage, which may be missing. Raises StartFailure when it cannot be read."""
    scripts, ignored = [], []
    for path in _files(init_dir / stage):
        command = _command(path)
        name = f"{stage}/{path.name}"
        if command is None:
            ignored.append(name)
        else:
            scripts.append(Script(name=name, command=command))
    return Found(scripts=tuple(scripts), ignored=tuple(ignored))


def check_init_dir(init_dir: Path) -> None:
    """Raises StartFailure if the folder is missing; a misspelt path would otherwise silently run nothing."""
    if not init_dir.is_dir():
        raise StartFailure(f"init directory {init_dir} is no folder; make it, or leave --init-dir out")


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StartFailure(f"init directory {folder} cannot be read: {error.strerror}") from error


def _command(path: Path) -> tuple[str, ...] | None:
    """The command of a script, None for another file. An executable script with a shebang line is run directly."""
    if not path.is_file():
        return None
    match path.suffix:
        case ".sh" if os.access(path, os.X_OK) and _has_shebang(path):
            return (str(path.absolute()),)
        case ".sh":
            return ("sh", str(path.absolute()))
        case ".py":
            return (sys.executable, str(path.absolute()))
        case _:
            return None


def _has_shebang(path: Path) -> bool:
    try:
        with path.open("rb") as script:
            return script.read(2) == b"#!"
    except OSError as error:
        raise StartFailure(f"script {path} cannot be read: {error.strerror}") from error
