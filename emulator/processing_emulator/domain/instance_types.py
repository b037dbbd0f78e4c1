"""The catalogue of `ml.*` types a processing job may ask for, from the package's own table (spec 7.2)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """What one instance promises: vCPUs, memory in bytes, GPUs and their model, local NVMe storage in GB (0: none)."""

    name: str
    vcpus: int
    memory_bytes: int
    gpus: int
    gpu_model: str
    nvme_gb: int


@cache
def catalogue() -> Mapping[str, InstanceType]:
    """All types by name."""
    text = resources.files("processing_emulator.domain").joinpath("instance_types.csv").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            row["type"]: InstanceType(
                name=row["type"],
                vcpus=int(row["vcpu"]),
                memory_bytes=int(float(row["memory_gib"]) * GIB),
                gpus=int(row["gpus"]),
                gpu_model=row["gpu_model"],
                nvme_gb=int(row["nvme_gb"] or 0),
            )
            for row in csv.DictReader(text.splitlines())
        }
    )
