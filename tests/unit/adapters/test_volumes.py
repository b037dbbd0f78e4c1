"""What volumes read from the kernel, and why they may not be limited."""

import os
from pathlib import Path

from processing_emulator.adapters.docker_runtime.open_files import unlinked_bytes
from processing_emulator.adapters.volumes.mounts import mounted_below
from processing_emulator.adapters.volumes.obstacle import find_obstacle
from tests.fixtures_docker import missing

MIB = 1024**2


def test_mounts_at_and_below_a_folder_are_found_the_innermost_first(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    places = ["/", "/data", "/data/jobs/1/algo-1", r"/data/jobs/1/algo-1/with\040blank", "/database", "/data/jobs/10"]
    table.write_text("".join(f"22 1 0:21 / {place} rw,relatime - ext4 /dev/x rw\n" for place in places))
    found = mounted_below(Path("/data/jobs/1"), table)
    assert found == (Path("/data/jobs/1/algo-1/with blank"), Path("/data/jobs/1/algo-1"))
    assert mounted_below(Path("/data/jobs"), tmp_path / "none") == ()


def test_files_without_a_name_are_counted_once_and_only_on_that_file_system(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("wb") as gone, (tmp_path / "named").open("wb") as named:
        copy = os.dup(gone.fileno())
        try:
            gone.write(bytes(4 * MIB))
            gone.flush()
            named.write(bytes(4 * MIB))
            before = unlinked_bytes([os.getpid()], tmp_path)
            (tmp_path / "gone").unlink()
            assert unlinked_bytes([os.getpid()], tmp_path) - before == 4 * MIB
            assert unlinked_bytes([os.getpid()], Path("/proc")) == 0
        finally:
            os.close(copy)
    assert unlinked_bytes([2**22 + 1], tmp_path) == 0


def test_an_engine_behind_a_network_does_not_see_our_mounts(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("without root, that is the obstacle which is found first")
    obstacle = find_obstacle(tmp_path, "tcp://127.0.0.1:1")
    assert obstacle == "the Docker engine at tcp://127.0.0.1:1 does not see what the server mounts"
    assert list(tmp_path.iterdir()) == []
