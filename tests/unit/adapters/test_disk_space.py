"""What a full disk looks like to each part that writes, on a real small file system."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.disk_space import (
    FULL_BYTES,
    RESERVE_BYTES,
    DiskReserve,
    DiskSpace,
    full_disk,
    read_disk_space,
)
from processing_emulator.adapters.s3_store.retry import RetryPolicy
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import DiskFull, ObjectStoreRefused, StoreFull
from tests.builders import a_key, a_local_file, a_request
from tests.fixtures_disk import SmallDisk
from tests.stub_store import http, in_turn, s3_error, stub_store

NEVER = threading.Event()
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_a_disk_with_room_is_not_full(tmp_path: Path) -> None:
    assert read_disk_space(tmp_path).free_bytes > 0
    assert not DiskSpace(folder=tmp_path, free_bytes=FULL_BYTES, has_files=True).is_full


def test_a_full_disk_is_named_with_its_folder_and_what_is_left(small_disk: SmallDisk) -> None:
    assert full_disk(small_disk.root) is None
    small_disk.fill(leave_bytes=FULL_BYTES // 2)
    assert full_disk(small_disk.root) == f"the disk of {small_disk.root} is full: 32.0 MiB are free"


def test_a_disk_without_inodes_is_full(tmp_path: Path) -> None:
    space = DiskSpace(folder=tmp_path, free_bytes=10**12, has_files=False)
    assert space.is_full
    assert "no free inodes" in space.sentence


def test_a_folder_that_is_not_there_is_not_called_full(tmp_path: Path) -> None:
    assert full_disk(tmp_path / "none") is None


def test_the_reserve_gives_its_space_back_on_a_full_disk(small_disk: SmallDisk) -> None:
    reserve = DiskReserve(small_disk.root)
    reserve.hold()
    small_disk.fill()
    reserve.hold()
    reserve.release()
    assert read_disk_space(small_disk.root).free_bytes == RESERVE_BYTES


def test_no_reserve_is_taken_from_a_disk_that_would_be_full_then(small_disk: SmallDisk) -> None:
    small_disk.fill(leave_bytes=FULL_BYTES + RESERVE_BYTES // 2)
    DiskReserve(small_disk.root).hold()
    assert not full_disk(small_disk.root)


def test_a_database_on_a_full_disk_stores_nothing_and_continues_once_there_is_room(small_disk: SmallDisk) -> None:
    stores = open_store(small_disk.root / "emulator.db")
    try:
        small_disk.fill()
        request = a_request("big", arguments=["x" * 200_000])
        with pytest.raises(StoreFull, match=r"emulator\.db: the disk is full\."):
            stores.jobs.add(a_key("big"), request, {}, NOW)
        assert stores.jobs.find(a_key("big")) is None
        small_disk.free()
        assert stores.jobs.add(a_key("big"), request, {}, NOW).request == request
    finally:
        stores.close()


def test_a_database_that_cannot_be_opened_for_lack_of_space_says_so(small_disk: SmallDisk) -> None:
    data = DataDir(small_disk.root)
    data.database.touch()
    small_disk.fill()
    with pytest.raises(StoreFull, match="the disk is full"):
        open_store(data.database)


def test_config_files_of_a_job_on_a_full_disk_are_disk_full(small_disk: SmallDisk) -> None:
    workspace = Workspace(small_disk.root / "job")
    workspace.make_folders(["config"])
    small_disk.fill()
    with pytest.raises(DiskFull, match=r"cannot write config/x\.json: No space left on device"):
        workspace.write("config/x.json", b"x" * 10_000)


def test_a_download_to_a_full_disk_is_disk_full_and_leaves_nothing(small_disk: SmallDisk) -> None:
    folder = small_disk.root / "in"
    folder.mkdir()
    small_disk.fill()
    body = b"x" * 1_000_000
    with stub_store(in_turn(http(200, body))) as stub:
        store = S3ObjectStore(endpoint_url=stub.endpoint, access_key="a", secret_key="b")
        source = StoredObject(bucket="b", key="k", size_bytes=len(body), etag="")
        with pytest.raises(DiskFull, match="cannot write the file of object key 'k': No space left on device"):
            store.download([PlannedFile(source=source, path="k")], folder, NEVER)
        store.close()
    assert list(folder.iterdir()) == []


def test_an_upload_that_the_store_fails_on_its_full_disk_is_disk_full(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    local = a_local_file(tmp_path / "f", "b", "k")
    sentences: list[str | None] = ["the disk of /d is full", None]
    with stub_store(in_turn(s3_error(500, "InternalError"))) as stub:
        store = S3ObjectStore(
            endpoint_url=stub.endpoint,
            access_key="a",
            secret_key="b",
            retry=RetryPolicy(patience_seconds=0.0),
            full_disk=lambda: sentences.pop(0),
        )
        with pytest.raises(DiskFull, match=r"the disk of /d is full; PutObject failed for s3://b/k: InternalError"):
            store.upload([local], NEVER)
        with pytest.raises(ObjectStoreRefused, match="InternalError"):
            store.upload([local], NEVER)
        store.close()
