"""What this container may use: the limits of its control group, or the whole machine."""

import os
from pathlib import Path

from smspark.job_files import Machine

CGROUP = Path("/sys/fs/cgroup")


def read_limits(cgroup: Path = CGROUP) -> Machine:
    """Cores (at least 1) and memory in MiB by cgroup version 2 or 1; without limits, those of the machine."""
    cores = min(float(len(os.sched_getaffinity(0))), _cpus(cgroup))
    memory = min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), _memory_bytes(cgroup))
    return Machine(cores=max(1, int(cores)), memory_mib=int(memory) // 2**20)


def _cpus(cgroup: Path) -> float:
    if (cgroup / "cpu.max").exists():
        quota, period = (cgroup / "cpu.max").read_text().split()
        return float("inf") if quota == "max" else int(quota) / int(period)
    if (cgroup / "cpu" / "cpu.cfs_quota_us").exists():
        micros = int((cgroup / "cpu" / "cpu.cfs_quota_us").read_text())
        return float("inf") if micros < 0 else micros / int((cgroup / "cpu" / "cpu.cfs_period_us").read_text())
    return float("inf")


def _memory_bytes(cgroup: Path) -> float:
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        if (cgroup / name).exists():
            text = (cgroup / name).read_text().strip()
            return float("inf") if text == "max" else int(text)
    return float("inf")
