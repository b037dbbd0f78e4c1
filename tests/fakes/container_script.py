"""What a fake container does when it is started; set by a test or by the container's environment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from processing_emulator.domain.usage import UsageReading
from processing_emulator.ports import BindMount, ContainerSpec

PRINT = "FAKE_PRINT"
"""Lines to print, separated by newlines."""
EXIT_CODE = "FAKE_EXIT_CODE"
HOLD = "FAKE_HOLD"
"""Any value: run until released or killed."""
TICKS = "FAKE_TICKS"
"""Run for this number of ticks."""
OUT_OF_MEMORY = "FAKE_OUT_OF_MEMORY"
"""Any value: end as the kernel's out-of-memory killer ends a process."""
IGNORE_SIGTERM = "FAKE_IGNORE_SIGTERM"
"""Any value: have a handler for SIGTERM that does nothing."""
NO_HANDLER = "FAKE_NO_HANDLER"
"""Any value: have no handler for SIGTERM, which then has no effect."""
REJECT = "FAKE_REJECT"
"""Fail to start with this exit code: 125, 126 or 127."""
WRITE = "FAKE_WRITE"
"""`/path/in/a/mount=text`: write this file."""

SOME_USAGE = UsageReading(cpu_seconds=0.25, memory_bytes=8 * 1024**2)

REJECTIONS = {
    126: 'exec: "/fake": permission denied',
    127: 'exec: "/fake": stat /fake: no such file or directory',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeRun:
    """The script of a fake container.

    When started, it prints `prints` (lines without newline) and calls `work`, which may write into its mounts. Then it
    exits with `exit_code`: at once, after `ticks`, or, with `holds`, when released. With `rejected_with` it does not
    start. `usage` and `unlinked_bytes` are measured while it runs. `files` are in its image.
    """

    prints: tuple[bytes, ...] = ()
    work: Callable[[ContainerSpec], None] | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    ticks: int = 0
    holds: bool = False
    ignores_sigterm: bool = False
    has_no_handler: bool = False
    rejected_with: int | None = None
    usage: UsageReading = SOME_USAGE
    unlinked_bytes: int = 0
    files: tuple[str, ...] = ("/bin/sh",)


def run_from_environment(spec: ContainerSpec) -> FakeRun:
    """Read the FAKE_ variables of a container; without any it exits 0 at once."""
    environment = spec.environment
    text = environment.get(PRINT)
    return FakeRun(
        prints=tuple(text.encode().split(b"\n")) if text is not None else (),
        work=_write if WRITE in environment else None,
        exit_code=int(environment.get(EXIT_CODE, "0")),
        out_of_memory=OUT_OF_MEMORY in environment,
        ticks=int(environment.get(TICKS, "0")),
        holds=HOLD in environment,
        ignores_sigterm=IGNORE_SIGTERM in environment,
        has_no_handler=NO_HANDLER in environment,
        rejected_with=int(environment[REJECT]) if REJECT in environment else None,
    )


def mounted(spec: ContainerSpec, path: str) -> Path:
    """The host path of a path in the container. Raises KeyError when it is in no mount."""
    inside = PurePosixPath(path)
    matching = [mount for mount in spec.mounts if inside.is_relative_to(mount.target)]
    if not matching:
        raise KeyError(path)
    mount = max(matching, key=lambda mount: len(mount.target))
    folder = mount.source if isinstance(mount, BindMount) else mount.upper
    return folder / inside.relative_to(mount.target)


def _write(spec: ContainerSpec) -> None:
    path, _, text = spec.environment[WRITE].partition("=")
    file = mounted(spec, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
