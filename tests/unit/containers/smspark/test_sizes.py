"""How large executors are: the rules of the AWS image on what the host really has (clients.md 4.1)."""

import json
import logging
from pathlib import Path

import pytest

from smspark.container_limits import read_limits
from smspark.failure import SparkJobFailed
from smspark.job_files import Machine, read_declared_machine
from smspark.sizes import check_fits, choose_sizes, cores_limit, usable_machine

LARGE = Machine(cores=16, memory_mib=65536)
TYPES = "type,vcpu,memory_gib,gpus\nml.m5.xlarge,4,16,0\nml.m5.4xlarge,16,64,0\n"


def job_config(folder: Path, instance_type: str) -> Path:
    file = folder / "processingjobconfig.json"
    file.write_text(json.dumps({"ProcessingResources": {"ClusterConfig": {"InstanceType": instance_type}}}))
    return file


def types(folder: Path) -> Path:
    file = folder / "instance_types.csv"
    file.write_text(TYPES)
    return file


def test_standard_mode_has_one_executor_on_each_host() -> None:
    assert choose_sizes(LARGE, 3, "1").as_defaults() == {
        "spark.driver.memory": "58982m",
        "spark.driver.memoryOverhead": "5898m",
        "spark.driver.defaultJavaOptions": "-XX:OnOutOfMemoryError='kill -9 %p'",
        "spark.executor.memory": "56033m",
        "spark.executor.memoryOverhead": "5603m",
        "spark.executor.defaultJavaOptions": "-XX:OnOutOfMemoryError='kill -9 %p' -XX:+UseParallelGC",
        "spark.executor.cores": "16",
        "spark.executor.instances": "3",
        "spark.default.parallelism": "96",
    }


def test_advanced_mode_has_executors_of_five_cores_and_leaves_one_place_for_the_driver() -> None:
    sizes = choose_sizes(LARGE, 2, "2")
    assert (sizes.executors, sizes.executor_cores, sizes.parallelism) == (5, 5, 50)
    assert (sizes.executor_memory, sizes.executor_overhead, sizes.driver_memory) == (18370, 2041, 18370)


def test_advanced_mode_has_an_executor_on_one_small_host() -> None:
    sizes = choose_sizes(Machine(cores=1, memory_mib=900), 1, "2")
    assert (sizes.executors, sizes.executor_cores, sizes.executor_memory) == (1, 1, 512)


def test_other_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^Could not determine Spark configuration mode: 3\.$"):
        choose_sizes(LARGE, 1, "3")


def test_smaller_of_type_and_container_counts_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        machine = usable_machine(("ml.m5.4xlarge", LARGE), Machine(cores=2, memory_mib=8000))
    assert machine == Machine(cores=2, memory_mib=8000)
    assert caplog.messages == [
        (
            "ml.m5.4xlarge has 16 cores and 65536 MiB, this container may use 2 and 8000 MiB: "
            "sizing Spark for 2 cores and 8000 MiB"
        )
    ]


def test_container_counts_where_the_job_does_not_declare_a_type() -> None:
    assert usable_machine(None, Machine(cores=2, memory_mib=8000)) == Machine(cores=2, memory_mib=8000)


def test_declared_machine_is_that_of_the_instance_type(tmp_path: Path) -> None:
    found = read_declared_machine(job_config(tmp_path, "ml.m5.xlarge"), types(tmp_path))
    assert found == ("ml.m5.xlarge", Machine(cores=4, memory_mib=16384))


def test_unknown_instance_type_is_a_key_error_as_in_the_image(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"ml\.x9\.huge"):
        read_declared_machine(job_config(tmp_path, "ml.x9.huge"), types(tmp_path))


def test_without_the_job_config_nothing_is_declared(tmp_path: Path) -> None:
    assert read_declared_machine(tmp_path / "none.json", types(tmp_path)) is None


def test_limits_of_cgroup_2(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text(f"{512 * 2**20}\n")
    assert read_limits(tmp_path) == Machine(cores=1, memory_mib=512)


def test_limits_of_cgroup_1(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "memory").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{256 * 2**20}\n")
    assert read_limits(tmp_path) == Machine(cores=1, memory_mib=256)


def test_without_limits_the_machine_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert read_limits(tmp_path) == read_limits(tmp_path / "no-cgroup")
    assert read_limits(tmp_path).memory_mib > 0


def test_number_of_executors_limits_the_cores_of_the_application() -> None:
    defaults = {"spark.executor.instances": "3", "spark.executor.cores": "2"}
    assert cores_limit(defaults) == {"spark.cores.max": "6"}
    assert cores_limit(defaults | {"spark.cores.max": "1"}) == {}
    assert cores_limit(defaults | {"spark.dynamicAllocation.enabled": "true"}) == {}


@pytest.mark.parametrize(("memory", "cores"), [("17g", "1"), ("17000m", "1"), ("1g", "5"), ("17000", "1")])
def test_executor_that_no_host_can_hold_is_refused(memory: str, cores: str) -> None:
    with pytest.raises(SparkJobFailed, match="is larger than a host, which has 4 cores and 16384 MiB"):
        check_fits({"spark.executor.memory": memory, "spark.executor.cores": cores}, Machine(cores=4, memory_mib=16384))


def test_executor_as_large_as_a_host_is_accepted() -> None:
    check_fits({"spark.executor.memory": "16g", "spark.executor.cores": "4"}, Machine(cores=4, memory_mib=16384))
    check_fits({"spark.executor.memory": "16384MB", "spark.executor.cores": "4"}, Machine(cores=4, memory_mib=16384))
