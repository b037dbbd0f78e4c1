"""The files about the job that the service puts into a container."""

import csv
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

RESOURCE_CONFIGS = (Path("/opt/ml/input/config/resourceconfig.json"), Path("/opt/ml/config/resourceconfig.json"))
JOB_CONFIG = Path("/opt/ml/config/processingjobconfig.json")
CONFIGURATIONS = (
    Path("/opt/ml/input/data/conf/configuration.json"),
    Path("/opt/ml/processing/input/conf/configuration.json"),
)
INSTANCE_TYPES = Path("/opt/smspark/instance_types.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The hosts of the job. Spark's driver and master run on the first by name."""

    current: str
    hosts: tuple[str, ...]

    @property
    def primary(self) -> str:
        return min(self.hosts)

    @property
    def is_primary(self) -> bool:
        return self.current == self.primary


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What one host has."""

    cores: int
    memory_mib: int


def read_cluster(files: Iterable[Path] = RESOURCE_CONFIGS) -> Cluster:
    """The hosts by resourceconfig.json; without that file, one host named algo-1."""
    document = _first(files)
    if document is None:
        logger.warning("no resourceconfig.json: assuming one host, algo-1")
        return Cluster(current="algo-1", hosts=("algo-1",))
    return Cluster(current=document["current_host"], hosts=tuple(document["hosts"]))


def read_declared_machine(job: Path = JOB_CONFIG, types: Path = INSTANCE_TYPES) -> tuple[str, Machine] | None:
    """The job's instance type and its size; None without processingjobconfig.json.

    Raises KeyError for an unknown type, as the AWS image does.
    """
    if not job.exists():
        logger.warning("no %s: taking the size of this container", job)
        return None
    name = json.loads(job.read_text())["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    return name, _machines(types)[name]


def read_configuration(files: Iterable[Path] = CONFIGURATIONS) -> Any:
    """The content of configuration.json; None if the job has none."""
    return _first(files)


def _machines(types: Path) -> Mapping[str, Machine]:
    with types.open(newline="") as table:
        return {
            row["type"]: Machine(cores=int(row["vcpu"]), memory_mib=int(float(row["memory_gib"]) * 1024))
            for row in csv.DictReader(table)
        }


def _first(files: Iterable[Path]) -> Any:
    for file in files:
        if file.exists():
            return json.loads(file.read_text())
    return None
