"""Tells one run of the machine from another."""

from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str | None:
    """The kernel's id of this boot; None where there is none. The monotonic clock counts from it for all processes."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() or None
    except OSError:
        return None


def boot_name() -> str:
    """A text without blanks that is another after each start of the machine, and perhaps after its clock was set."""
    return boot_id() or f"{psutil.boot_time():.0f}"
