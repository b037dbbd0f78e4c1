"""What volumes do, limited or watched: one suite for both, and what only the kernel can do."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.volumes.local import LocalVolumes
from processing_emulator.adapters.volumes.mounts import mounted_below
from processing_emulator.adapters.volumes.obstacle import find_obstacle
from processing_emulator.errors import DiskFull, StagingFailure
from tests.fixtures_disk import SmallDisk
from tests.fixtures_docker import missing

MIB = 1024**2
SIZE = 64 * MIB


def limited_volumes(root: Path) -> LocalVolumes:
    made = LocalVolumes(root, lambda: find_obstacle(root.parent, Engine().address))
    if obstacle := made.obstacle():
        missing(f"volumes cannot be limited here: {obstacle}")
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


@pytest.fixture
def limited(root: Path, docker_engine: None) -> Iterator[LocalVolumes]:
    made = limited_volumes(root)
    yield made
    made.remove(root)
    assert mounted_below(root.parent) == ()


@pytest.fixture(params=["watched", pytest.param("limited", marks=pytest.mark.docker)])
def volumes(request: pytest.FixtureRequest, root: Path) -> LocalVolumes:
    if request.param == "watched":
        return LocalVolumes(root, lambda: "they must not")
    made: LocalVolumes = request.getfixturevalue("limited")
    return made


def fill(path: Path, size_bytes: int) -> int:
    """Write until there is no space left on the device; the size of the file then."""
    command = ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={size_bytes // MIB}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No space left on device" in done.stderr
    return path.stat().st_size


def test_a_new_volume_is_an_empty_writable_folder(volumes: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    assert not volumes.is_there(folder)
    volumes.create(folder, SIZE)
    assert volumes.is_there(folder)
    assert {path.name for path in folder.iterdir()} <= {"lost+found"}
    (folder / "file").write_text("text")
    volumes.confirm(folder)
    assert volumes.disk_shortage(folder) is None


def test_a_volume_that_is_made_again_is_empty(volumes: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    volumes.create(folder, SIZE)
    (folder / "file").write_text("text")
    volumes.create(folder, SIZE)
    assert not (folder / "file").exists()


def test_removal_leaves_nothing_and_may_be_repeated(volumes: LocalVolumes, root: Path, tmp_path: Path) -> None:
    folder = root / "1" / "algo-1"
    volumes.create(folder, SIZE)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("k")
    (folder / "link").symlink_to(outside)
    volumes.remove(folder)
    volumes.remove(folder)
    assert list((root / "1").iterdir()) == []
    assert not volumes.is_there(folder)
    assert (outside / "kept").exists()


def test_the_folder_of_a_job_is_removed_with_the_volumes_of_all_its_hosts(volumes: LocalVolumes, root: Path) -> None:
    for host in ("algo-1", "algo-2"):
        volumes.create(root / "1" / host, SIZE)
    volumes.create(root / "2" / "algo-1", SIZE)
    volumes.remove(root / "1")
    assert [path.name for path in root.iterdir()] == ["2"]
    assert volumes.is_there(root / "2" / "algo-1")
    volumes.remove(root / "2")


def test_folders_nested_deeper_than_python_goes_are_removed(volumes: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    volumes.create(folder, SIZE)
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(3000):
            os.mkdir("d")  # noqa: PTH102  # the path gets longer than a path may be
            os.chdir("d")
    finally:
        os.fchdir(home)
        os.close(home)
    volumes.remove(root / "1")
    assert list(root.iterdir()) == []


def test_a_volume_where_a_file_is_in_the_way_is_a_sentence(volumes: LocalVolumes, root: Path) -> None:
    (root / "1").write_text("")
    with pytest.raises(StagingFailure, match=r"cannot make .*/1/algo-1: "):
        volumes.create(root / "1" / "algo-1", SIZE)


# --- only limited ones ---


def test_a_limited_volume_holds_its_size_and_not_much_more(limited: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    limited.create(folder, SIZE)
    assert SIZE <= fill(folder / "file", 2 * SIZE) < SIZE * 1.5
    assert (limited.used_bytes(folder) or 0) >= SIZE


@pytest.mark.parametrize("gib", [1, 30, 500])
def test_a_new_volume_takes_next_to_no_space_and_offers_what_was_asked_for(
    limited: LocalVolumes, root: Path, gib: int
) -> None:
    size = gib * 1024**3
    if os.statvfs(root).f_bavail * os.statvfs(root).f_frsize < size * 1.1:
        size = 1024**3  # the disk of this machine has no room for more
    folder = root / "1" / "algo-1"
    limited.create(folder, size)
    state = os.statvfs(folder)
    assert size <= state.f_bavail * state.f_frsize < size * 1.04 + 32 * MIB
    assert folder.with_name("algo-1.volume").stat().st_blocks * 512 < 16 * MIB


def test_files_without_a_name_count(limited: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    limited.create(folder, SIZE)
    with (folder / "file").open("wb") as file:
        (folder / "file").unlink()
        file.write(bytes(32 * MIB))
        file.flush()
        assert (limited.used_bytes(folder) or 0) > 32 * MIB


def test_space_held_for_files_elsewhere_is_taken_from_the_volume_and_not_from_the_disk(
    limited: LocalVolumes, root: Path
) -> None:
    folder = root / "1" / "algo-1"
    limited.create(folder, SIZE)
    limited.hold(folder, SIZE // 2)
    assert SIZE // 2 <= (limited.used_bytes(folder) or 0) < SIZE * 0.6
    assert folder.with_name("algo-1.volume").stat().st_blocks * 512 < SIZE // 4
    assert fill(folder / "file", 2 * SIZE) < SIZE
    with pytest.raises(DiskFull, match="No space left on device"):
        limited.hold(folder, 2 * SIZE)


def test_a_later_run_of_the_emulator_finds_the_volume(limited: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    limited.create(folder, SIZE)
    (folder / "file").write_text("text")
    later = limited_volumes(root)
    assert later.is_there(folder)
    assert later.used_bytes(folder) is not None
    assert (folder / "file").read_text() == "text"


def test_a_volume_that_a_restart_of_the_machine_has_unmounted_is_not_there(limited: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    limited.create(folder, SIZE)
    subprocess.run(["umount", str(folder)], check=True)
    assert folder.exists()
    assert not limited.is_there(folder)
    limited.create(folder, SIZE)
    assert limited.is_there(folder)


def test_a_volume_in_use_stays_with_a_sentence_until_it_is_free(limited: LocalVolumes, root: Path) -> None:
    folder = root / "1" / "algo-1"
    limited.create(folder, SIZE)
    with (folder / "file").open("wb"), pytest.raises(StagingFailure, match=r"busy.*sudo fuser -vm"):
        limited.remove(root / "1")
    limited.remove(root / "1")
    assert list(root.iterdir()) == []


def test_a_volume_larger_than_the_free_disk_is_watched(small_disk: SmallDisk, docker_engine: None) -> None:
    """Its data would be lost when the disk is full; in a plain folder the write fails."""
    root = small_disk.root / "jobs"
    root.mkdir()
    volumes = limited_volumes(root)
    volumes.create(root / "1" / "algo-1", 1024**3)
    assert volumes.used_bytes(root / "1" / "algo-1") is None
    assert volumes.disk_shortage(root / "1" / "algo-1") is None
    small_disk.fill()
    assert "is full: 0.0 MiB are free" in (volumes.disk_shortage(root / "1" / "algo-1") or "")


def test_volumes_together_are_never_larger_than_the_free_disk(small_disk: SmallDisk, docker_engine: None) -> None:
    root = small_disk.root / "jobs"
    root.mkdir()
    volumes = limited_volumes(root)
    folders = [root / str(number) / "algo-1" for number in range(3)]
    try:
        for folder in folders:
            volumes.create(folder, 16 * MIB)
        assert [volumes.used_bytes(folder) is not None for folder in folders] == [True, True, False]
    finally:
        volumes.remove(root)


def test_data_that_a_full_disk_has_lost_is_not_taken_for_whole(small_disk: SmallDisk, docker_engine: None) -> None:
    root = small_disk.root / "jobs"
    root.mkdir()
    volumes = limited_volumes(root)
    folder = root / "1" / "algo-1"
    try:
        volumes.create(folder, 32 * MIB)
        (folder / "early").write_bytes(bytes(MIB))
        volumes.confirm(folder)
        small_disk.fill()
        (folder / "late").write_bytes(os.urandom(8 * MIB))  # the kernel takes it, and cannot store it
        assert "is full" in (volumes.disk_shortage(folder) or "")
        with pytest.raises(DiskFull, match="was full, and files of the job are incomplete"):
            volumes.confirm(folder)
    finally:
        volumes.remove(root)
