"""The course of a simulated container, as its environment tells it."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from processing_emulator.domain.container_contract import MESSAGE_FOLDER
from processing_emulator.errors import StartRejected
from processing_emulator.ports import BindMount, ContainerSpec

PREFIX = "PROCESSING_EMULATOR_SIMULATE_"
SECONDS, EXIT_CODE, PRINT, MESSAGE, WRITE = (
    f"{PREFIX}{name}" for name in ["SECONDS", "EXIT_CODE", "PRINT", "MESSAGE", "WRITE"]
)

MOST_SECONDS = 7 * 24 * 3600.0
_REFUSED = 125
"""The code of an engine that refuses a container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a container does: it prints `lines`, runs for `seconds`, leaves `files` and exits.

    `files` are texts by their paths on this machine.
    """

    seconds: float
    exit_code: int
    lines: tuple[str, ...]
    files: Mapping[Path, str]


def course_of(spec: ContainerSpec) -> Course:
    """Without variables it prints one line and exits 0 at once.

    The exit message, which DescribeProcessingJob shows, always says that the container was simulated. Raises
    StartRejected with the name of the variable that is wrong.
    """
    told = spec.environment
    _refuse_unknown(told)
    said = told.get(MESSAGE, f"{spec.image} did not run")
    writes = [_split_write(name, text) for name, text in told.items() if name.startswith(WRITE)]
    files = {f"{MESSAGE_FOLDER}/message": f"Simulated: {said}", **dict(writes)}
    return Course(
        seconds=_number(told, SECONDS, MOST_SECONDS),
        exit_code=int(_number(told, EXIT_CODE, 255)),
        lines=(f"simulated: {spec.image} did not run", *told.get(PRINT, "").splitlines()),
        files={_place(spec, path): text for path, text in files.items()},
    )


def _refuse_unknown(told: Mapping[str, str]) -> None:
    for name in told:
        if name.startswith(PREFIX) and name not in (SECONDS, EXIT_CODE, PRINT, MESSAGE) and not name.startswith(WRITE):
            raise StartRejected(f"there is no variable {name}; see docs/simulate.md", _REFUSED)


def _number(told: Mapping[str, str], name: str, most: float) -> float:
    text = told.get(name, "0")
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise StartRejected(f"{name} must be a number from 0 to {most:.0f}, not {text[:32]!r}", _REFUSED)
    return number


def _split_write(name: str, text: str) -> tuple[str, str]:
    path, equals, content = text.partition("=")
    if not equals:
        raise StartRejected(f"{name} must be /PATH=TEXT, not {text[:32]!r}", _REFUSED)
    return path, content


def _place(spec: ContainerSpec, path: str) -> Path:
    """The file of this machine that a path in the container is; `..` does not lead out of the mount."""
    inside = PurePosixPath(posixpath.normpath(path))
    mounts = [mount for mount in spec.mounts if isinstance(mount, BindMount) and inside.is_relative_to(mount.target)]
    if not mounts:
        raise StartRejected(f"{path[:128]!r} is in no output, and not in {MESSAGE_FOLDER}", _REFUSED)
    mount = max(mounts, key=lambda mount: len(mount.target))
    return mount.source / inside.relative_to(mount.target)
