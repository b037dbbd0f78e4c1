"""Looks whether the first process of a container has a handler for a signal, where its /proc is this machine's."""

import signal
from pathlib import Path


def handles_signal(container_id: str, pid: int, name: str, root: Path = Path("/")) -> bool | None:
    """None when the process is not visible here, or is not the container's: a process id means nothing elsewhere."""
    process = root / f"proc/{pid}"
    try:
        if pid == 0 or container_id not in (process / "cgroup").read_text():
            return None
        fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
        caught = int(fields["SigCgt"], 16)
    except (OSError, KeyError, ValueError):
        return None
    return bool(caught >> (signal.Signals[name] - 1) & 1)
