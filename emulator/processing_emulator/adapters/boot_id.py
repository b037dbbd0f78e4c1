"""Which run of the machine this is."""

from pathlib import Path

import psutil

_LINUX = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id() -> str:
    """A text without blanks that is another after each start of the machine."""
    try:
        return _LINUX.read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"
