"""The GPU probe with NVIDIA's bindings, on a stub driver, and on the real one where there is a GPU."""

import shutil
from pathlib import Path

import pytest

from processing_emulator.adapters.nvml.probe import NvmlProbe
from tests.unit.adapters.nvml.stub import RELOAD, ask, compiled, run

GIB = 1024**3
FIRST, SECOND = "GPU-00000000-aaaa", "GPU-11111111-bbbb"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("nvml"))


def reading(gpu_id: str, percent: float, used: int) -> dict[str, object]:
    return {
        "gpu_id": gpu_id,
        "utilization_percent": percent,
        "memory_used_bytes": used,
        "memory_total_bytes": 16 * GIB,
    }


def test_reads_all_gpus(library: Path) -> None:
    assert ask(library) == {
        "ids": [FIRST, SECOND],
        "readings": [reading(FIRST, 37.0, 2 * GIB), reading(SECOND, 100.0, 8 * GIB)],
    }


def test_reads_only_the_requested_gpus(library: Path) -> None:
    assert ask(library, SECOND)["readings"] == [reading(SECOND, 100.0, 8 * GIB)]


@pytest.mark.parametrize("error", ["15", "999"], ids=["lost", "unknown"])
def test_lost_gpu_is_omitted(library: Path, error: str) -> None:
    """The others are listed and read, in the session that there is."""
    assert ask(library, FIRST, SECOND, STUB_LOST="0", STUB_LOST_AS=error) == {
        "ids": [SECOND],
        "readings": [reading(SECOND, 100.0, 8 * GIB)],
    }


def test_unknown_gpu_is_omitted(library: Path) -> None:
    assert ask(library, "GPU-unknown", FIRST)["readings"] == [reading(FIRST, 37.0, 2 * GIB)]


def test_older_driver_uses_the_older_memory_call(library: Path) -> None:
    assert ask(library, FIRST, STUB_OLD="1")["readings"] == [reading(FIRST, 37.0, 3 * GIB)]


def test_library_without_a_driver_has_no_gpus(library: Path) -> None:
    assert ask(library, FIRST, STUB_NO_DRIVER="1") == {"ids": [], "readings": []}


def test_a_driver_that_is_gone_and_comes_back_is_used_again(library: Path) -> None:
    """A use finds out that the session is over, and the next begins another."""
    assert run(RELOAD, library) == [2, 0, 0, 2, 2, 0, 2, 2]


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a driver")
def test_machine_without_the_library_has_no_gpus() -> None:
    assert ask(None, FIRST) == {"ids": [], "readings": []}


def test_real_gpus_answer() -> None:
    probe = NvmlProbe()
    ids = probe.gpu_ids()
    if not ids:
        pytest.skip("no NVIDIA GPU here")

    readings = probe.read(ids)

    assert [reading.gpu_id for reading in readings] == list(ids)
    assert all(0 <= reading.utilization_percent <= 100 for reading in readings)
    assert all(0 <= reading.memory_used_bytes <= reading.memory_total_bytes for reading in readings)
