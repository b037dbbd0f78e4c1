"""What every ObjectStore does: one suite for the store in memory and for our client of SeaweedFS and of MinIO."""

import os
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from processing_emulator.domain.staging import PlannedFile, StoredObject, plan_download
from processing_emulator.errors import Cancelled, ObjectStoreRefused, StagingFailure, UnsafePath
from processing_emulator.ports import LocalFile, ObjectStore
from tests.builders import a_local_file
from tests.fakes.object_store import MemoryObjectStore
from tests.fixtures_s3 import ODD_NAMES, S3Server, make_bucket

NEVER = threading.Event()
SET = threading.Event()
SET.set()


class Bench(Protocol):
    """A store, and a second way to look into it."""

    @property
    def store(self) -> ObjectStore: ...
    def new_bucket(self) -> str: ...
    def put(self, bucket: str, key: str, body: bytes) -> None: ...
    def get(self, bucket: str, key: str) -> bytes: ...
    def keys(self, bucket: str) -> list[str]: ...
    def delete(self, bucket: str, key: str) -> None: ...


class MemoryBench:
    def __init__(self) -> None:
        self.memory = MemoryObjectStore()

    @property
    def store(self) -> ObjectStore:
        return self.memory

    def new_bucket(self) -> str:
        name = f"test-{uuid.uuid4().hex[:16]}"
        self.memory.create_bucket(name)
        return name

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.memory.put(bucket, key, body)

    def get(self, bucket: str, key: str) -> bytes:
        return self.memory.get(bucket, key)

    def keys(self, bucket: str) -> list[str]:
        return self.memory.keys(bucket)

    def delete(self, bucket: str, key: str) -> None:
        self.memory.delete(bucket, key)


class S3Bench:
    def __init__(self, store: ObjectStore, client: Any) -> None:
        self._store = store
        self._client = client

    @property
    def store(self) -> ObjectStore:
        return self._store

    def new_bucket(self) -> str:
        return make_bucket(self._client)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, bucket: str, key: str) -> bytes:
        body: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def keys(self, bucket: str) -> list[str]:
        return sorted(stored["Key"] for stored in self._client.list_objects_v2(Bucket=bucket).get("Contents", []))

    def delete(self, bucket: str, key: str) -> None:
        self._client.delete_object(Bucket=bucket, Key=key)


@pytest.fixture(
    params=["memory", pytest.param("seaweedfs", marks=pytest.mark.s3), pytest.param("minio", marks=pytest.mark.s3)]
)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "memory":
        yield MemoryBench()
        return
    server: S3Server = request.getfixturevalue(request.param)
    store = server.object_store()
    with server.client() as client:
        yield S3Bench(store, client)
    store.close()


@pytest.fixture
def bucket(bench: Bench) -> str:
    return bench.new_bucket()


def listed(bench: Bench, bucket: str, prefix: str = "") -> list[StoredObject]:
    return list(bench.store.iter_objects(bucket, prefix, NEVER))


def fetch_all(bench: Bench, bucket: str, folder: Path, prefix: str = "") -> None:
    plan = plan_download(listed(bench, bucket, prefix), prefix)
    for name in plan.folders:
        (folder / name).mkdir(parents=True, exist_ok=True)
    bench.store.download(plan.files, folder, NEVER)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# --- listing ---


def test_lists_in_order_of_utf8_whatever_the_folders(bench: Bench, bucket: str) -> None:
    for key in ("pre/x", "prefix.csv", "pre-other/x", "pre/a/b", "pre0", "other"):
        bench.put(bucket, key, b"1")
    keys = [stored.key for stored in listed(bench, bucket, "pre")]
    assert keys == ["pre-other/x", "pre/a/b", "pre/x", "pre0", "prefix.csv"]


def test_listing_tells_size_and_an_etag_that_follows_the_content(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", b"12345")
    (before,) = listed(bench, bucket)
    bench.put(bucket, "a", b"54321")
    (after,) = listed(bench, bucket)
    assert (before.bucket, before.key, before.size_bytes) == (bucket, "a", 5)
    assert before.etag != after.etag
    assert '"' not in before.etag


def test_lists_more_than_one_page(bench: Bench, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    bench.store.upload([a_local_file(tmp_path / "f", bucket, f"many/{number:04d}") for number in range(1005)], NEVER)
    assert [stored.key for stored in listed(bench, bucket, "many/")] == [f"many/{number:04d}" for number in range(1005)]


def test_nothing_below_a_prefix_is_an_empty_listing(bench: Bench, bucket: str) -> None:
    assert listed(bench, bucket, "none/") == []


def test_listing_a_missing_bucket_is_refused_in_the_services_words(bench: Bench) -> None:
    with pytest.raises(ObjectStoreRefused) as caught:
        bench.store.iter_objects("no-such-bucket-here", "p/", NEVER)
    assert (caught.value.code, caught.value.status) == ("NoSuchBucket", 404)
    assert str(caught.value) == (
        "ListObjectsV2 failed for s3://no-such-bucket-here/p/. nextToken:[null]: "
        "NoSuchBucket (404): The specified bucket does not exist"
    )


def test_a_listing_has_the_time_of_modification(bench: Bench, bucket: str) -> None:
    before = datetime.now(UTC)
    bench.put(bucket, "a", b"1")
    (found,) = listed(bench, bucket)
    assert found.modified_at is not None
    assert abs(found.modified_at - before) < timedelta(seconds=5)


def test_a_cancelled_listing_raises(bench: Bench, bucket: str) -> None:
    with pytest.raises(Cancelled):
        bench.store.iter_objects(bucket, "", SET)


# --- one object ---


def test_head_equals_the_listing(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "in/a b+ü", b"12345")
    found = bench.store.head(bucket, "in/a b+ü", NEVER)
    assert [found] == listed(bench, bucket)
    assert found.size_bytes == 5
    assert found.modified_at is not None
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_head_of_an_empty_object_has_size_zero(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "empty", b"")
    assert bench.store.head(bucket, "empty", NEVER).size_bytes == 0


def test_head_of_many_objects_is_in_the_order_of_the_keys(bench: Bench, bucket: str) -> None:
    names = [f"in/{number:02d} b+ü" for number in range(40)]
    for name in names:
        bench.put(bucket, name, name.encode())
    assert bench.store.head_all(bucket, names[::-1], NEVER) == listed(bench, bucket)[::-1]
    assert bench.store.head_all(bucket, [], NEVER) == []


def test_one_missing_object_refuses_the_head_of_all(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "in/a", b"alpha")
    with pytest.raises(ObjectStoreRefused, match=rf"HeadObject failed for s3://{bucket}/in/b: NoSuchKey \(404\): "):
        bench.store.head_all(bucket, ["in/a", "in/b"], NEVER)


def test_read_returns_the_content(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", b"alpha")
    bench.put(bucket, "empty", b"")
    assert bench.store.read(bucket, "a", 5, NEVER) == b"alpha"
    assert bench.store.read(bucket, "empty", 5, NEVER) == b""


def test_read_refuses_an_object_over_the_limit(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", b"alpha")
    with pytest.raises(StagingFailure, match=f"s3://{bucket}/a has 5 bytes; at most 4 are read"):
        bench.store.read(bucket, "a", 4, NEVER)


@pytest.mark.parametrize("content", [b"", b"alpha", bytes(range(256)) * 40_000])
def test_a_stream_yields_the_content_in_order(bench: Bench, bucket: str, content: bytes) -> None:
    bench.put(bucket, "a", content)
    with bench.store.open_stream(bench.store.head(bucket, "a", NEVER), NEVER) as chunks:
        assert b"".join(chunks) == content


@pytest.mark.parametrize("offset", [1, 5_000_000, 10_240_000])
def test_a_stream_may_begin_at_an_offset(bench: Bench, bucket: str, offset: int) -> None:
    content = bytes(range(256)) * 40_000
    bench.put(bucket, "a", content)
    with bench.store.open_stream(bench.store.head(bucket, "a", NEVER), NEVER, offset) as chunks:
        assert b"".join(chunks) == content[offset:]


def test_a_stream_is_read_in_bounded_chunks(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", bytes(20 * 1024**2))
    with bench.store.open_stream(bench.store.head(bucket, "a", NEVER), NEVER) as chunks:
        sizes = [len(chunk) for chunk in chunks]
    assert sum(sizes) == 20 * 1024**2
    assert max(sizes) <= 8 * 1024**2


def test_a_stream_that_is_closed_early_leaves_the_store_usable(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", bytes(20 * 1024**2))
    with bench.store.open_stream(bench.store.head(bucket, "a", NEVER), NEVER) as chunks:
        next(chunks)
    assert len(listed(bench, bucket)) == 1


def test_a_stream_of_an_object_that_changes_is_refused(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", bytes(20 * 1024**2))
    with bench.store.open_stream(bench.store.head(bucket, "a", NEVER), NEVER) as chunks:
        next(chunks)
        bench.put(bucket, "a", b"\1" * 20 * 1024**2)
        with pytest.raises(ObjectStoreRefused, match=r"PreconditionFailed \(412\)"):
            list(chunks)


@pytest.mark.parametrize("content", [b"ALPHA", b"alphabet", b"a", b""])
def test_a_stream_of_an_object_that_changed_before_is_refused(bench: Bench, bucket: str, content: bytes) -> None:
    bench.put(bucket, "a", b"alpha")
    source = bench.store.head(bucket, "a", NEVER)
    bench.put(bucket, "a", content)
    with (
        pytest.raises(ObjectStoreRefused, match=r"PreconditionFailed \(412\)"),
        bench.store.open_stream(source, NEVER) as chunks,
    ):
        list(chunks)


def test_a_cancelled_stream_raises_at_the_next_chunk(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a", bytes(20 * 1024**2))
    cancel = threading.Event()
    with bench.store.open_stream(bench.store.head(bucket, "a", NEVER), cancel) as chunks:
        next(chunks)
        cancel.set()
        with pytest.raises(Cancelled):
            next(chunks)


ONE_OBJECT: dict[str, Callable[[ObjectStore, str, str, threading.Event], object]] = {
    "HeadObject in the pool": lambda store, bucket, key, cancel: store.head_all(bucket, [key], cancel),
    "HeadObject": lambda store, bucket, key, cancel: store.head(bucket, key, cancel),
    "GetObject": lambda store, bucket, key, cancel: store.read(bucket, key, 10, cancel),
}


@pytest.mark.parametrize("operation", ONE_OBJECT)
def test_a_missing_object_is_refused_with_its_name(bench: Bench, bucket: str, operation: str) -> None:
    with pytest.raises(ObjectStoreRefused) as caught:
        ONE_OBJECT[operation](bench.store, bucket, "in/a", NEVER)
    assert (caught.value.code, caught.value.status) == ("NoSuchKey", 404)
    assert str(caught.value).startswith(f"{operation.split()[0]} failed for s3://{bucket}/in/a: NoSuchKey (404): ")


@pytest.mark.parametrize("operation", ONE_OBJECT)
def test_an_object_of_a_missing_bucket_is_refused(bench: Bench, operation: str) -> None:
    with pytest.raises(ObjectStoreRefused) as caught:
        ONE_OBJECT[operation](bench.store, "no-such-bucket-here", "a", NEVER)
    assert caught.value.code == "NoSuchBucket"


@pytest.mark.parametrize("operation", ONE_OBJECT)
def test_reading_an_object_can_be_cancelled(bench: Bench, bucket: str, operation: str) -> None:
    bench.put(bucket, "a", b"alpha")
    with pytest.raises(Cancelled):
        ONE_OBJECT[operation](bench.store, bucket, "a", SET)


# --- keys ---


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_key_comes_and_goes_unchanged(bench: Bench, bucket: str, tmp_path: Path, name: str) -> None:
    key = f"in/{name}/{name}"
    (tmp_path / "source").write_bytes(name.encode())
    bench.store.upload([a_local_file(tmp_path / "source", bucket, key)], NEVER)
    assert bench.keys(bucket) == [key]
    assert bench.get(bucket, key) == name.encode()
    (tmp_path / "target").mkdir()
    fetch_all(bench, bucket, tmp_path / "target", "in/")
    assert (tmp_path / "target" / name / name).read_bytes() == name.encode()


def test_odd_prefix_is_listed(bench: Bench, bucket: str) -> None:
    bench.put(bucket, "a b+c%20/ü?&/x", b"1")
    assert [stored.key for stored in listed(bench, bucket, "a b+c%20/ü?&/")] == ["a b+c%20/ü?&/x"]


# --- download ---


def test_downloads_files_as_any_user_may_use_them(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "in/a", b"alpha")
    bench.put(bucket, "in/sub/empty", b"")
    before = os.umask(0o077)
    try:
        (tmp_path / "sub").mkdir()
        plan = plan_download(listed(bench, bucket, "in/"), "in/")
        transfer = bench.store.download(plan.files, tmp_path, NEVER)
    finally:
        os.umask(before)
    assert files_below(tmp_path) == ["a", "sub/empty"]
    assert (tmp_path / "a").read_bytes() == b"alpha"
    assert (tmp_path / "sub" / "empty").read_bytes() == b""
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "sub/empty")] == [0o666, 0o666]
    assert (transfer.objects, transfer.size_bytes) == (2, 5)
    assert transfer.seconds >= 0
    times = {file.path: file.source.file_time_ns for file in plan.files}
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in times} == times
    assert all(times.values())


def test_download_replaces_what_has_the_name_and_follows_no_link(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "a", b"new")
    folder, outside = tmp_path / "in", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(b"untouched")
    (folder / "a").symlink_to(outside)
    fetch_all(bench, bucket, folder)
    assert not (folder / "a").is_symlink()
    assert (folder / "a").read_bytes() == b"new"
    assert outside.read_bytes() == b"untouched"


def test_download_of_nothing_is_no_work(bench: Bench, tmp_path: Path) -> None:
    transfer = bench.store.download([], tmp_path, NEVER)
    assert (transfer.objects, transfer.size_bytes) == (0, 0)


def test_object_that_vanished_is_refused_and_leaves_no_file(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "in/a", b"alpha")
    plan = plan_download(listed(bench, bucket, "in/"), "in/")
    bench.delete(bucket, "in/a")
    with pytest.raises(
        ObjectStoreRefused, match=rf"GetObject failed for s3://{bucket}/in/a: NoSuchKey \(404\): "
    ) as caught:
        bench.store.download(plan.files, tmp_path, NEVER)
    assert (caught.value.code, caught.value.status) == ("NoSuchKey", 404)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("content", [b"ALPHA", b"alphabet", b"a"])
def test_object_that_changed_since_it_was_listed_is_refused(
    bench: Bench, bucket: str, tmp_path: Path, content: bytes
) -> None:
    bench.put(bucket, "in/a", b"alpha")
    plan = plan_download(listed(bench, bucket, "in/"), "in/")
    bench.put(bucket, "in/a", content)
    with pytest.raises(ObjectStoreRefused, match=r"PreconditionFailed \(412\)") as caught:
        bench.store.download(plan.files, tmp_path, NEVER)
    assert caught.value.status == 412
    assert files_below(tmp_path) == []


def test_object_of_another_size_than_planned_is_refused(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "a", b"alpha")
    planned = PlannedFile(source=StoredObject(bucket=bucket, key="a", size_bytes=4), path="a")
    with pytest.raises(ObjectStoreRefused, match="the object has changed since it was listed"):
        bench.store.download([planned], tmp_path, NEVER)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("path", ["../escaped", "/escaped", "a/../../escaped"])
def test_path_out_of_the_folder_is_unsafe(bench: Bench, bucket: str, tmp_path: Path, path: str) -> None:
    bench.put(bucket, "a", b"alpha")
    (tmp_path / "in" / "a").mkdir(parents=True)
    planned = PlannedFile(source=StoredObject(bucket=bucket, key="a", size_bytes=5), path=path)
    with pytest.raises(UnsafePath):
        bench.store.download([planned], tmp_path / "in", NEVER)
    assert files_below(tmp_path) == []


def test_file_that_cannot_be_made_is_a_sentence(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "in/a", b"alpha")
    (tmp_path / "a").mkdir()
    with pytest.raises(StagingFailure, match=r"cannot write .*: Is a directory"):
        fetch_all(bench, bucket, tmp_path, "in/")
    assert files_below(tmp_path) == []


def test_cancelled_download_fetches_nothing_more(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "a", b"alpha")
    cancel = threading.Event()
    plan = plan_download(listed(bench, bucket), "")
    cancel.set()
    with pytest.raises(Cancelled):
        bench.store.download(plan.files, tmp_path, cancel)
    assert files_below(tmp_path) == []


# --- upload ---


def test_uploads_what_the_files_hold(bench: Bench, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"alpha")
    (tmp_path / "empty").touch()
    files = [
        a_local_file(tmp_path / "a", bucket, "out/a"),
        a_local_file(tmp_path / "empty", bucket, "out/deep/er/empty"),
    ]
    transfer = bench.store.upload(files, NEVER)
    assert {key: bench.get(bucket, key) for key in bench.keys(bucket)} == {"out/a": b"alpha", "out/deep/er/empty": b""}
    assert (transfer.objects, transfer.size_bytes) == (2, 5)


def test_upload_overwrites(bench: Bench, bucket: str, tmp_path: Path) -> None:
    bench.put(bucket, "out/a", b"before, and longer")
    (tmp_path / "a").write_bytes(b"after")
    bench.store.upload([a_local_file(tmp_path / "a", bucket, "out/a")], NEVER)
    assert bench.get(bucket, "out/a") == b"after"


def test_upload_to_a_missing_bucket_is_refused_and_makes_none(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"alpha")
    gone = f"gone-{uuid.uuid4().hex[:12]}"
    with pytest.raises(ObjectStoreRefused) as caught:
        bench.store.upload([a_local_file(tmp_path / "a", gone, "out/a")], NEVER)
    assert str(caught.value) == (
        f"PutObject failed for s3://{gone}/out/a: NoSuchBucket (404): The specified bucket does not exist"
    )
    with pytest.raises(ObjectStoreRefused):
        bench.store.iter_objects(gone, "", NEVER)


def test_link_that_took_the_files_place_is_not_read(bench: Bench, bucket: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (tmp_path / "out").symlink_to(secret)
    with pytest.raises(UnsafePath):
        bench.store.upload([a_local_file(tmp_path / "out", bucket, "out")], NEVER)
    assert bench.keys(bucket) == []


def test_fifo_that_took_the_files_place_does_not_hold_us(bench: Bench, bucket: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    with pytest.raises(UnsafePath):
        bench.store.upload([a_local_file(tmp_path / "out", bucket, "out")], NEVER)
    assert bench.keys(bucket) == []


def test_file_that_vanished_is_a_sentence(bench: Bench, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(StagingFailure, match=r"cannot read output file .*/gone: No such file or directory"):
        bench.store.upload([a_local_file(tmp_path / "gone", bucket, "out")], NEVER)


def test_cancelled_upload_stores_nothing_more(bench: Bench, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"alpha")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        bench.store.upload([a_local_file(tmp_path / "a", bucket, "a")], cancel)
    assert bench.keys(bucket) == []


class CountingMeter:
    """Sums up what a transfer reports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.objects = 0
        self.size_bytes = 0

    def add(self, *, objects: int = 0, size_bytes: int = 0) -> None:
        with self._lock:
            self.objects += objects
            self.size_bytes += size_bytes


def test_a_meter_counts_what_is_transferred(bench: Bench, bucket: str, tmp_path: Path) -> None:
    sizes = {"a": 0, "b": 1000, "c": 20 * 1024**2}
    for key, size in sizes.items():
        (tmp_path / key).write_bytes(bytes(size))
    up, down = CountingMeter(), CountingMeter()
    files = [a_local_file(tmp_path / key, bucket, key) for key in sizes]
    bench.store.upload(files, NEVER, up)
    planned = [PlannedFile(source=source, path=source.key) for source in bench.store.iter_objects(bucket, "", NEVER)]
    (tmp_path / "in").mkdir()
    bench.store.download(planned, tmp_path / "in", NEVER, down)
    assert (up.objects, up.size_bytes) == (3, sum(sizes.values()))
    assert (down.objects, down.size_bytes) == (3, sum(sizes.values()))


# --- upload of changes ---


def test_changes_are_uploaded_and_what_the_store_has_is_not_sent_again(
    bench: Bench, bucket: str, tmp_path: Path
) -> None:
    for name, content in {"new": b"new", "changed": b"after", "same": b"same", "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
    bench.put(bucket, "changed", b"befor")
    bench.put(bucket, "same", b"same")
    before = bench.store.head(bucket, "same", NEVER)
    meter = CountingMeter()
    files = [a_local_file(tmp_path / name, bucket, name) for name in ("new", "changed", "same", "empty")]
    changes = bench.store.upload_changes(files, NEVER, meter)
    assert {name: bench.get(bucket, name) for name in bench.keys(bucket)} == {
        "new": b"new",
        "changed": b"after",
        "same": b"same",
        "empty": b"",
    }
    assert (changes.uploaded.objects, changes.uploaded.size_bytes, changes.unchanged) == (3, 8, 1)
    assert changes.left_out == {}
    assert bench.store.head(bucket, "same", NEVER) == before
    again = bench.store.upload_changes(files, NEVER)
    assert (again.uploaded.objects, again.unchanged) == (0, 4)


def test_a_file_that_is_another_version_than_was_found_is_left_out(bench: Bench, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"first")
    found = a_local_file(path, bucket, "f")
    bench.store.upload_changes([found], NEVER)
    path.write_bytes(b"other")
    os.utime(path, ns=(1, 1))
    (tmp_path / "g").write_bytes(b"well")
    changes = bench.store.upload_changes([found, a_local_file(tmp_path / "g", bucket, "g")], NEVER)
    assert [str(error) for error in changes.left_out.values()] == [
        f"output file {path} was changed while it was uploaded"
    ]
    assert list(changes.left_out) == [found]
    assert (changes.uploaded.objects, bench.get(bucket, "f"), bench.get(bucket, "g")) == (1, b"first", b"well")


@pytest.mark.parametrize("instead", ["nothing", "link", "fifo", "folder", "link above"])
def test_what_has_taken_the_place_of_a_file_is_left_out(
    bench: Bench, bucket: str, tmp_path: Path, instead: str
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    path = root / "sub" / "f"
    for folder in (path.parent, outside):
        folder.mkdir(parents=True)
        (folder / "f").write_bytes(folder.name.encode())
    found = LocalFile(root=root, path="sub/f", bucket=bucket, key="f", version=a_local_file(path, "b", "k").version)
    path.unlink()
    match instead:
        case "link":
            path.symlink_to(outside / "f")
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link above":
            path.parent.rmdir()
            path.parent.symlink_to(outside)
    changes = bench.store.upload_changes([found], NEVER)
    assert (list(changes.left_out), changes.uploaded.objects) == ([found], 0)
    assert bench.keys(bucket) == []


def test_what_the_store_refuses_is_left_out_with_its_words(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    changes = bench.store.upload_changes([a_local_file(tmp_path / "f", "no-such-bucket-here", "f")], NEVER)
    assert [str(error) for error in changes.left_out.values()] == [
        "PutObject failed for s3://no-such-bucket-here/f: NoSuchBucket (404): The specified bucket does not exist"
    ]


def test_a_cancelled_upload_of_changes_raises(bench: Bench, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    with pytest.raises(Cancelled):
        bench.store.upload_changes([a_local_file(tmp_path / "f", bucket, "f")], SET)
    assert bench.keys(bucket) == []
