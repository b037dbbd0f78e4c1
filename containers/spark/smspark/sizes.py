"""How large executors and driver are: the rules of the AWS image, applied to what a host really has."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from smspark.failure import bad_input
from smspark.job_files import Machine

logger = logging.getLogger(__name__)

STANDARD, ADVANCED = "1", "2"
"""Values of AWS_SPARK_CONFIG_MODE."""

SMALLEST_HEAP_MIB = 512
"""Spark refuses executors with less than 471 MiB."""

OUT_OF_MEMORY = "-XX:OnOutOfMemoryError='kill -9 %p'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes in MiB. `executors` counts those of all hosts."""

    executors: int
    executor_cores: int
    executor_memory: int
    executor_overhead: int
    driver_memory: int
    driver_overhead: int
    parallelism: int

    def as_defaults(self) -> dict[str, str]:
        """The sizes as lines of spark-defaults.conf."""
        return {
            "spark.driver.memory": f"{self.driver_memory}m",
            "spark.driver.memoryOverhead": f"{self.driver_overhead}m",
            "spark.driver.defaultJavaOptions": OUT_OF_MEMORY,
            "spark.executor.memory": f"{self.executor_memory}m",
            "spark.executor.memoryOverhead": f"{self.executor_overhead}m",
            "spark.executor.defaultJavaOptions": f"{OUT_OF_MEMORY} -XX:+UseParallelGC",
            "spark.executor.cores": str(self.executor_cores),
            "spark.executor.instances": str(self.executors),
            "spark.default.parallelism": str(self.parallelism),
        }


def usable_machine(declared: tuple[str, Machine] | None, limits: Machine) -> Machine:
    """The smaller of the instance type's size and the container's limits; logs both."""
    if declared is None:
        logger.info("sizing Spark by this container: %d cores, %d MiB", limits.cores, limits.memory_mib)
        return limits
    name, machine = declared
    cores, memory = min(machine.cores, limits.cores), min(machine.memory_mib, limits.memory_mib)
    logger.info(
        "%s has %d cores and %d MiB, this container may use %d and %d MiB: sizing Spark for %d cores and %d MiB",
        *(name, machine.cores, machine.memory_mib, limits.cores, limits.memory_mib, cores, memory),
    )
    return Machine(cores=cores, memory_mib=memory)


def choose_sizes(machine: Machine, hosts: int, mode: str) -> Sizes:
    """Sizes by mode: one executor for each host, or executors of five cores. Raises ValueError for another mode."""
    if mode == STANDARD:
        return _standard(machine, hosts)
    if mode == ADVANCED:
        return _advanced(machine, hosts)
    raise ValueError(f"Could not determine Spark configuration mode: {mode}.")


def _standard(machine: Machine, hosts: int) -> Sizes:
    driver = _heap(machine.memory_mib * 0.9)
    executor = _heap(machine.memory_mib * 0.95 * 0.9)
    return Sizes(
        executors=hosts,
        executor_cores=machine.cores,
        executor_memory=executor,
        executor_overhead=executor // 10,
        driver_memory=driver,
        driver_overhead=driver // 10,
        parallelism=hosts * machine.cores * 2,
    )


def _advanced(machine: Machine, hosts: int) -> Sizes:
    """Leaves a core and 1 GiB of each host, and one executor's place for the driver."""
    cores = max(1, min(5, machine.cores - 1))
    each = max(1, (machine.cores - 1) // cores)
    executors = max(1, hosts * each - 1)
    share = (machine.memory_mib * 0.95 - 1024) / each
    memory, overhead = _heap(share * 0.9), int(max(share, 0) * 0.1)
    return Sizes(
        executors=executors,
        executor_cores=cores,
        executor_memory=memory,
        executor_overhead=overhead,
        driver_memory=memory,
        driver_overhead=overhead,
        parallelism=executors * cores * 2,
    )


def _heap(mib: float) -> int:
    return max(SMALLEST_HEAP_MIB, int(mib))


def cores_limit(defaults: Mapping[str, str]) -> dict[str, str]:
    """What makes a standalone cluster start as many executors as `spark.executor.instances` says on YARN."""
    if "spark.cores.max" in defaults or defaults.get("spark.dynamicAllocation.enabled") == "true":
        return {}
    total = int(defaults["spark.executor.instances"]) * int(defaults["spark.executor.cores"])
    return {"spark.cores.max": str(total)}


def check_fits(defaults: Mapping[str, str], offered: Machine) -> None:
    """Refuse executors that no host can hold, as YARN does; a standalone cluster would wait for ever."""
    cores = int(defaults["spark.executor.cores"])
    memory = _mib(defaults["spark.executor.memory"])
    if cores > offered.cores or memory > offered.memory_mib:
        raise bad_input(
            f"an executor of {cores} cores and {memory} MiB (spark.executor.cores, spark.executor.memory) is larger "
            f"than a host, which has {offered.cores} cores and {offered.memory_mib} MiB"
        )


def _mib(text: str) -> int:
    """A size as Spark writes it, 512m or 2g; without a unit it is MiB."""
    units = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}
    number = text.strip().lower().removesuffix("b")
    unit = units.get(number[-1:])
    return int(float(number if unit is None else number[:-1]) * (1 if unit is None else unit))
