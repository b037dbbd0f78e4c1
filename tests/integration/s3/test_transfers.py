"""Our client at real stores: large objects, many jobs at once, wrong keys, and a store or a disk that gives out."""

import hashlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from processing_emulator.adapters.s3_store.multipart_journal import MultipartJournal
from processing_emulator.adapters.s3_store.parts import MIB, UPLOAD
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess
from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import PlannedFile, plan_download
from processing_emulator.errors import Cancelled, DiskFull, ObjectStoreRefused, ObjectStoreUnreachable
from tests.builders import a_local_file
from tests.fixtures_docker import missing
from tests.fixtures_s3 import IDENTITY, S3Server, make_bucket
from tests.waiting import wait_for

pytestmark = pytest.mark.s3

NEVER = threading.Event()
LARGE = 80 * MIB


def large_file(folder: Path, name: str = "large") -> Path:
    """No two blocks of it are alike."""
    path = folder / name
    block = hashlib.shake_128(b"block").digest(64 * 1024)
    with path.open("wb") as file:
        for number in range(LARGE // len(block)):
            file.write(number.to_bytes(4, "big") + block[4:])
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plan(store: S3ObjectStore, bucket: str, prefix: str = "") -> Sequence[PlannedFile]:
    return plan_download(store.iter_objects(bucket, prefix, NEVER), prefix).files


def again_and_again(transfer: Callable[[], Transfer]) -> NoReturn:
    """For a transfer that must not be over before something happens to it."""
    while True:
        transfer()


def test_large_object_comes_and_goes_in_parts(
    object_store: S3ObjectStore, s3_client: Any, bucket: str, tmp_path: Path
) -> None:
    source = large_file(tmp_path)
    transfer = object_store.upload([a_local_file(source, bucket, "in/large")], NEVER)
    assert transfer.size_bytes == LARGE
    parts = -(-LARGE // UPLOAD.part_bytes)
    assert s3_client.head_object(Bucket=bucket, Key="in/large")["ETag"].endswith(f'-{parts}"')
    (tmp_path / "target").mkdir()
    object_store.download(plan(object_store, bucket, "in/"), tmp_path / "target", NEVER)
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["large"]
    assert digest(tmp_path / "target" / "large") == digest(source)


def test_object_of_64_mib_goes_in_one_piece(
    object_store: S3ObjectStore, s3_client: Any, bucket: str, tmp_path: Path
) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    object_store.upload([a_local_file(path, bucket, "k")], NEVER)
    head = s3_client.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], "-" in head["ETag"]) == (64 * MIB, False)


def test_cancelled_upload_of_a_large_file_leaves_no_parts(
    object_store: S3ObjectStore, s3_client: Any, bucket: str, tmp_path: Path
) -> None:
    cancel = threading.Event()

    def cancel_when_begun() -> None:
        wait_for(
            "the upload to begin", lambda: s3_client.list_multipart_uploads(Bucket=bucket, Prefix="k").get("Uploads")
        )
        cancel.set()

    files = [a_local_file(large_file(tmp_path), bucket, "k")]
    watcher = threading.Thread(target=cancel_when_begun)
    watcher.start()
    with pytest.raises(Cancelled):
        again_and_again(lambda: object_store.upload(files, cancel))
    watcher.join()
    assert not s3_client.list_multipart_uploads(Bucket=bucket, Prefix="k").get("Uploads")


@pytest.mark.parametrize("is_id_known", [True, False])
def test_the_next_start_aborts_an_upload_that_a_killed_server_has_begun(
    s3_server: S3Server, s3_client: Any, bucket: str, tmp_path: Path, is_id_known: bool
) -> None:
    """And no other: code in a container may be writing below the same prefix."""
    key = "out/große Datei+1%"
    entry = MultipartJournal(tmp_path).begin(bucket, key)
    begun = {name: s3_client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"] for name in (key, key + "2")}
    if is_id_known:
        entry.created(begun[key])
    store = s3_server.object_store(journal_folder=tmp_path)
    store.abort_unfinished()
    wait_for("the abort", lambda: not list(tmp_path.iterdir()))
    left = {name: s3_client.list_multipart_uploads(Bucket=bucket, Prefix=name).get("Uploads", []) for name in begun}
    assert [each["Key"] for uploads in left.values() for each in uploads if each["Key"] == key] == []
    assert {each["UploadId"] for each in left[key + "2"]} == {begun[key + "2"]}
    store.close()


def test_jobs_share_the_store(object_store: S3ObjectStore, bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "f"
    source.write_bytes(b"x" * 1000)
    failures: list[BaseException] = []

    def job(name: str) -> None:
        try:
            (tmp_path / name).mkdir()
            object_store.upload([a_local_file(source, bucket, f"{name}/{n:03d}") for n in range(100)], NEVER)
            object_store.download(plan(object_store, bucket, f"{name}/"), tmp_path / name, NEVER)
        except BaseException as error:
            failures.append(error)
            raise

    jobs = [threading.Thread(target=job, args=(f"job-{number}",)) for number in range(4)]
    for thread in jobs:
        thread.start()
    for thread in jobs:
        thread.join()
    assert failures == []
    for number in range(4):
        assert sorted(path.name for path in (tmp_path / f"job-{number}").iterdir()) == [f"{n:03d}" for n in range(100)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"secret_key": "wrong"}, "SignatureDoesNotMatch"), ({"access_key": "wrong"}, "InvalidAccessKeyId")],
)
def test_wrong_keys_are_refused_in_the_stores_words(minio: S3Server, changes: dict[str, str], code: str) -> None:
    store = minio.object_store(**changes)
    with pytest.raises(ObjectStoreRefused) as caught:
        store.iter_objects("any-bucket", "p", NEVER)
    assert (caught.value.code, caught.value.status) == (code, 403)


# --- what gives out in the middle ---


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[SeaweedProcess]:
    """A store that a test may kill."""
    process = SeaweedProcess(tmp_path / "store", tmp_path / "store.log", IDENTITY)
    process.start()
    yield process
    process.stop()


def test_store_that_dies_during_a_download_is_unreachable_and_leaves_no_half_files(
    mortal: SeaweedProcess, tmp_path: Path
) -> None:
    server = S3Server(endpoint=mortal.start())
    store = server.object_store()
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 4096)
    target.mkdir()
    with server.client() as client:
        bucket = make_bucket(client)
    store.upload([a_local_file(source, bucket, f"{n:04d}") for n in range(300)], NEVER)
    files = plan(store, bucket)

    def kill_when_begun() -> None:
        wait_for("the first files", lambda: len(list(target.glob("0*"))) > 5)
        os.kill(mortal.pid or 0, signal.SIGKILL)

    killer = threading.Thread(target=kill_when_begun)
    killer.start()
    with pytest.raises(ObjectStoreUnreachable, match="GetObject failed for s3://"):
        again_and_again(lambda: store.download(files, target, NEVER))
    killer.join()
    assert {path.stat().st_size for path in target.iterdir()} == {4096}
    assert all(path.name.isdecimal() for path in target.iterdir())
    store.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte; for root only, and not in every container."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tiny", str(folder)], check=False, capture_output=True, text=True
    )
    if made.returncode != 0:
        missing(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", [2 * MIB, LARGE])
def test_disk_that_fills_up_is_told_and_given_back(
    object_store: S3ObjectStore, bucket: str, tmp_path: Path, tiny_disk: Path, size: int
) -> None:
    source = tmp_path / "f"
    with source.open("wb") as file:
        file.truncate(size)
    object_store.upload([a_local_file(source, bucket, "in/f")], NEVER)
    with pytest.raises(DiskFull, match="cannot write the file of object key 'in/f': No space left on device"):
        object_store.download(plan(object_store, bucket, "in/"), tiny_disk, NEVER)
    assert list(tiny_disk.iterdir()) == []
