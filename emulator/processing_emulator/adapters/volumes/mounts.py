"""Which file systems are mounted at or below a folder, read from the kernel's table."""

import re
from pathlib import Path

MOUNT_TABLE = Path("/proc/self/mountinfo")

_MOUNT_POINT = 4
"""Its position among the fields of a line (proc_pid_mountinfo(5))."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def mounted_below(folder: Path, table: Path = MOUNT_TABLE) -> tuple[Path, ...]:
    """Mount points at or below a folder, the innermost first; none where there is no such table."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    points = (Path(_unescaped(line.split(" ")[_MOUNT_POINT])) for line in lines)
    real = folder.resolve()  # the table has no symbolic links
    found = [point for point in points if point.is_relative_to(real)]
    return tuple(sorted(found, key=lambda point: len(point.parts), reverse=True))


def _unescaped(text: str) -> str:
    """The kernel writes blanks, tabs, newlines and backslashes as three octal digits."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
