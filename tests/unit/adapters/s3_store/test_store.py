"""The whole store client against a stub: parts, leftovers, and a full disk."""

import base64
import errno
import hashlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processing_emulator.adapters.s3_store.connection import SILENCE_TIMEOUT_SECONDS
from processing_emulator.adapters.s3_store.errors import on_disk
from processing_emulator.adapters.s3_store.multipart_journal import MultipartJournal
from processing_emulator.adapters.s3_store.parts import DOWNLOAD, MIB, MOST_PARTS, UPLOAD, PartSizes, iter_parts
from processing_emulator.adapters.s3_store.retry import RetryPolicy
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.errors import Cancelled, DiskFull, ObjectStoreRefused, StagingFailure, UnsafePath
from processing_emulator.ports import LocalFile
from tests.builders import a_local_file
from tests.stub_store import Answer, Received, StubStore, http, in_turn, s3_error
from tests.waiting import wait_for

NEVER = threading.Event()
LARGE = 100 * MIB
NOTHING = Received(number=0, connection=0, line=b"", headers=(), body=b"")


class Rig:
    def __init__(self) -> None:
        self._stubs: list[StubStore] = []
        self._stores: list[S3ObjectStore] = []

    def store(
        self,
        answer: Answer,
        *,
        patience_seconds: float = 0.2,
        connections: int = 4,
        journal_folder: Path | None = None,
    ) -> tuple[S3ObjectStore, StubStore]:
        stub = StubStore(answer)
        store = S3ObjectStore(
            endpoint_url=stub.endpoint,
            access_key="a",
            secret_key="b",
            retry=RetryPolicy(patience_seconds=patience_seconds, first_wait_seconds=0.01),
            connections=connections,
            journal_folder=journal_folder,
        )
        self._stubs.append(stub)
        self._stores.append(store)
        return store, stub

    def close(self) -> None:
        for store in self._stores:
            store.close()
        for stub in self._stubs:
            stub.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def planned(size: int, key: str = "k", etag: str = "") -> PlannedFile:
    return PlannedFile(source=StoredObject(bucket="b", key=key, size_bytes=size, etag=etag), path=key)


def range_of(request: Received) -> tuple[int, int]:
    found = re.fullmatch(rb"bytes=(\d+)-(\d+)", request.header(b"range") or b"")
    assert found is not None
    return int(found[1]), int(found[2]) + 1


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


# --- parts ---


@pytest.mark.parametrize("sizes", [DOWNLOAD, UPLOAD])
def test_a_small_object_and_an_empty_object_are_one_part(sizes: PartSizes) -> None:
    for size in (0, 1, sizes.whole_bytes):
        assert [(p.size_bytes, p.is_whole) for p in iter_parts(size, sizes)] == [(size, True)]


def test_the_parts_of_a_large_object_cover_it() -> None:
    found = list(iter_parts(LARGE + 1, UPLOAD))
    assert [p.number for p in found] == [1, 2, 3, 4]
    assert [p.offset for p in found] == [0, 32 * MIB, 64 * MIB, 96 * MIB]
    assert sum(p.size_bytes for p in found) == LARGE + 1
    assert not any(p.is_whole for p in found)


def test_there_are_never_more_parts_than_s3_allows() -> None:
    size = 5 * 1024 * 1024 * MIB
    found = list(iter_parts(size, UPLOAD))
    assert len(found) <= MOST_PARTS
    assert sum(p.size_bytes for p in found) == size


# --- downloads ---


def test_a_large_object_is_downloaded_in_ranges_of_the_listed_version(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        start, end = range_of(request)
        connection.sendall(http(206, bytes([start // (8 * MIB)]) * (end - start)))

    store, stub = rig.store(answer)
    store.download([planned(LARGE, etag="v1")], tmp_path, NEVER)
    content = (tmp_path / "k").read_bytes()
    assert content == b"".join(bytes([n]) * (8 * MIB) for n in range(12)) + b"\x0c" * (4 * MIB)
    assert {request.header(b"if-match") for request in stub.received} == {b'"v1"'}
    assert files_below(tmp_path) == ["k"]


def test_a_large_object_that_fails_in_one_part_leaves_no_file(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        start, end = range_of(request)
        connection.sendall(s3_error(403, "AccessDenied") if start == 64 * MIB else http(206, b"x" * (end - start)))

    store, _ = rig.store(answer)
    with pytest.raises(ObjectStoreRefused, match="AccessDenied"):
        store.download([planned(LARGE)], tmp_path, NEVER)
    assert files_below(tmp_path) == []


def test_a_store_that_ignores_ranges_is_an_error(rig: Rig, tmp_path: Path) -> None:
    store, _ = rig.store(in_turn(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE))
    with pytest.raises(ObjectStoreRefused):
        store.download([planned(LARGE)], tmp_path, NEVER)
    assert files_below(tmp_path) == []


def test_cancelling_ends_a_hanging_download_and_leaves_no_file(rig: Rig, tmp_path: Path) -> None:
    cancel = threading.Event()

    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        cancel.set()
        connection.recv(1)  # nothing more comes until the client hangs up

    store, _ = rig.store(answer)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        store.download([planned(100, key) for key in "abc"], tmp_path, cancel)
    assert time.monotonic() - began < SILENCE_TIMEOUT_SECONDS / 2
    assert files_below(tmp_path) == []


def test_a_file_appears_only_when_it_is_complete(rig: Rig, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        seen.append(wait_for("the file in the making", lambda: files_below(tmp_path)))
        connection.sendall(b"half")

    store, _ = rig.store(answer)
    store.download([planned(8)], tmp_path, NEVER)
    assert "k" not in seen[0]
    assert files_below(tmp_path) == ["k"]


def test_a_file_name_of_the_greatest_length_can_be_written(rig: Rig, tmp_path: Path) -> None:
    store, _ = rig.store(in_turn(http(200, b"x")))
    store.download([planned(1, "n" * 255)], tmp_path, NEVER)
    assert files_below(tmp_path) == ["n" * 255]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_as_disk_full(number: int) -> None:
    with pytest.raises(DiskFull, match="cannot write x: "), on_disk("write x"):
        raise OSError(number, "no room")


@pytest.mark.parametrize(("number", "kind"), [(errno.ELOOP, UnsafePath), (errno.EACCES, StagingFailure)])
def test_other_disk_errors_keep_their_kind(number: int, kind: type[StagingFailure]) -> None:
    with pytest.raises(kind) as caught, on_disk("read x"):
        raise OSError(number, "reason")
    assert type(caught.value) is kind


# --- uploads ---


def a_file(folder: Path, size: int, name: str = "f") -> LocalFile:
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return a_local_file(path, "b", name)


class MultipartStub:
    """Accepts multipart uploads and records their requests."""

    def __init__(self, refused_part: int = 0) -> None:
        self.refused_part = refused_part
        self.seen: list[str] = []
        self.completed = NOTHING

    def __call__(self, request: Received, connection: socket.socket) -> None:
        method, target = request.line.decode().split()[:2]
        query = target.partition("?")[2]
        number = int(found[1]) if (found := re.search(r"partNumber=(\d+)", query)) else 0
        self.seen.append(f"{method} {query}")
        if query == "uploads=":
            connection.sendall(http(200, b"<R><UploadId>u&amp;1</UploadId></R>"))
        elif number and number == self.refused_part:
            connection.sendall(s3_error(403, "AccessDenied"))
        elif number:
            connection.sendall(http(200, ETag=f'"part-{number}"'))
        else:
            if method == "POST":
                self.completed = request
            connection.sendall(http(204 if method == "DELETE" else 200))


def test_a_large_file_is_uploaded_in_parts(rig: Rig, tmp_path: Path) -> None:
    answer = MultipartStub()
    store, stub = rig.store(answer)
    transfer = store.upload([a_file(tmp_path, LARGE)], NEVER)
    assert sorted(answer.seen) == [
        "POST uploadId=u%261",
        "POST uploads=",
        *(f"PUT partNumber={n}&uploadId=u%261" for n in (1, 2, 3, 4)),
    ]
    sizes = [len(request.body) for request in stub.received if request.line.startswith(b"PUT")]
    assert sorted(sizes) == [4 * MIB, 32 * MIB, 32 * MIB, 32 * MIB]
    part = b'<Part><PartNumber>%d</PartNumber><ETag>"part-%d"</ETag></Part>'
    listed = b"".join(part % (n, n) for n in (1, 2, 3, 4))
    assert answer.completed.body == b"<CompleteMultipartUpload>" + listed + b"</CompleteMultipartUpload>"
    assert transfer.size_bytes == LARGE


def test_a_failed_multipart_upload_is_aborted(rig: Rig, tmp_path: Path) -> None:
    answer = MultipartStub(refused_part=2)
    store, _ = rig.store(answer)
    with pytest.raises(ObjectStoreRefused, match="UploadPart failed for s3://b/f: AccessDenied"):
        store.upload([a_file(tmp_path, LARGE)], NEVER)
    wait_for("the abort", lambda: "DELETE uploadId=u%261" in answer.seen)


def test_an_error_in_a_response_with_status_200_is_raised(rig: Rig, tmp_path: Path) -> None:
    multipart = MultipartStub()

    def answer(request: Received, connection: socket.socket) -> None:
        if request.line.startswith(b"POST /b/f?uploadId"):
            connection.sendall(http(200, b"<Error><Code>InternalError</Code><Message>late</Message></Error>"))
        else:
            multipart(request, connection)

    store, _ = rig.store(answer)
    with pytest.raises(ObjectStoreRefused, match=r"CompleteMultipartUpload failed .*: InternalError \(500\): late"):
        store.upload([a_file(tmp_path, LARGE)], NEVER)


def test_sizes_are_those_of_the_opened_files(rig: Rig, tmp_path: Path) -> None:
    store, stub = rig.store(in_turn(http(200)))
    local = a_file(tmp_path, 10)
    (local.root / local.path).write_bytes(b"longer by now")
    transfer = store.upload([local], NEVER)
    assert transfer.size_bytes == 13
    assert stub.received[0].body == b"longer by now"


@pytest.mark.parametrize("size", [1000, 1 * MIB])
def test_a_file_that_shrinks_during_its_upload_is_an_error(rig: Rig, tmp_path: Path, size: int) -> None:
    local = a_file(tmp_path, size)

    def answer(request: Received, connection: socket.socket) -> None:
        (local.root / local.path).write_bytes(b"short")
        connection.sendall(s3_error(503, "SlowDown"))

    store, stub = rig.store(answer)
    with pytest.raises(StagingFailure, match="became shorter while it was uploaded"):
        store.upload([local], NEVER)
    assert len(stub.received[0].body) == size


def test_a_file_replaced_between_its_parts_is_an_error(rig: Rig, tmp_path: Path) -> None:
    local = a_file(tmp_path, LARGE)
    other = a_file(tmp_path, LARGE, "other")
    multipart = MultipartStub()

    def answer(request: Received, connection: socket.socket) -> None:
        if request.number == 0:
            (other.root / other.path).replace(local.root / local.path)
        multipart(request, connection)

    store, _ = rig.store(answer)
    with pytest.raises(StagingFailure, match="was changed while it was uploaded"):
        store.upload([local], NEVER)
    wait_for("the abort", lambda: "DELETE uploadId=u%261" in multipart.seen)


def test_a_folder_in_place_of_the_file_is_unsafe(rig: Rig, tmp_path: Path) -> None:
    store, _ = rig.store(in_turn(http(200)))
    with pytest.raises(UnsafePath, match="Not a regular file"):
        store.upload([a_local_file(tmp_path, "b", "k")], NEVER)


# --- listing ---


def test_a_listing_without_encoding_and_namespace_is_parsed(rig: Rig) -> None:
    page = b"<R><IsTruncated>false</IsTruncated><Contents><Key>a+b%20</Key><Size>1</Size></Contents></R>"
    store, _ = rig.store(in_turn(http(200, page)))
    assert [stored.key for stored in store.iter_objects("b", "", NEVER)] == ["a+b%20"]


def test_the_error_of_a_failing_page_names_its_token(rig: Rig) -> None:
    page = b"<R><IsTruncated>true</IsTruncated><NextContinuationToken>t1</NextContinuationToken></R>"
    store, _ = rig.store(in_turn(http(200, page), s3_error(403, "AccessDenied", "no")))
    with pytest.raises(ObjectStoreRefused) as caught:
        store.iter_objects("b", "p", NEVER)
    assert str(caught.value) == "ListObjectsV2 failed for s3://b/p. nextToken:[t1]: AccessDenied (403): no"


def test_a_listing_that_is_not_xml_is_an_error(rig: Rig) -> None:
    store, _ = rig.store(in_turn(http(200, b"hello")))
    with pytest.raises(ObjectStoreRefused, match="the listing cannot be read"):
        store.iter_objects("b", "p", NEVER)


# --- streams ---


def streamed(size: int, etag: str = "v1") -> StoredObject:
    return StoredObject(bucket="b", key="k", size_bytes=size, etag=etag)


def test_a_stream_resumes_where_the_connection_broke(rig: Rig) -> None:
    broken: list[int] = []

    def answer(request: Received, connection: socket.socket) -> None:
        start, end = range_of(request)
        body = http(206, bytes([start // (8 * MIB)]) * (end - start))
        if start and not broken:
            broken.append(start)
            connection.sendall(body[: len(body) // 2])
            raise ConnectionAbortedError
        connection.sendall(body)

    store, stub = rig.store(answer)
    with store.open_stream(streamed(20 * MIB), NEVER) as chunks:
        content = b"".join(chunks)

    assert content == b"\0" * 8 * MIB + b"\1" * 8 * MIB + b"\2" * 4 * MIB
    assert [range_of(request)[0] // MIB for request in stub.received] == [0, 8, 8, 16]
    assert {request.header(b"if-match") for request in stub.received} == {b'"v1"'}


def test_a_stream_requests_a_chunk_only_when_it_is_asked_for(rig: Rig) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        start, end = range_of(request)
        connection.sendall(http(206, bytes(end - start)))

    store, stub = rig.store(answer)
    with store.open_stream(streamed(20 * MIB), NEVER) as chunks:
        assert stub.received == []
        next(chunks)
        assert len(stub.received) == 1


@pytest.mark.parametrize("sent", [b"HTTP/1.1 206 OK\r\nContent-Length: 100\r\n\r\nonly this", b""])
def test_cancelling_ends_a_stream_that_hangs(rig: Rig, sent: bytes) -> None:
    cancel = threading.Event()

    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(sent)
        cancel.set()
        connection.recv(1)  # nothing more comes until the client hangs up

    store, stub = rig.store(answer)
    began = time.monotonic()
    with pytest.raises(Cancelled), store.open_stream(streamed(100), cancel) as chunks:
        next(chunks)
    assert time.monotonic() - began < SILENCE_TIMEOUT_SECONDS / 2
    assert len(stub.received) == 1


def test_a_head_without_a_body_gets_its_reason_from_a_get(rig: Rig) -> None:
    store, stub = rig.store(in_turn(http(403), s3_error(403, "AccessDenied", "no")))
    with pytest.raises(ObjectStoreRefused) as caught:
        store.head("b", "k", NEVER)
    assert str(caught.value) == "HeadObject failed for s3://b/k: AccessDenied (403): no"
    assert [request.line.split()[0] for request in stub.received] == [b"HEAD", b"GET"]
    assert stub.received[1].header(b"range") == b"bytes=0-0"


def test_an_object_that_appears_after_its_head_failed_is_still_missing(rig: Rig) -> None:
    store, _ = rig.store(in_turn(http(404), http(206, b"x")))
    with pytest.raises(ObjectStoreRefused, match=r"NotFound \(404\)"):
        store.head("b", "k", NEVER)


# --- uploads of files that change ---


def not_there(answer: Answer, changed: Callable[[Received], None]) -> Answer:
    """A store that has no object yet; `changed` is called before each response."""

    def respond(request: Received, connection: socket.socket) -> None:
        changed(request)
        if request.line.startswith(b"HEAD"):
            connection.sendall(http(404))
        else:
            answer(request, connection)

    return respond


def write(path: Path, mode: str) -> None:
    with path.open(mode) as file:
        file.write(b"other")


def replace(path: Path, make: Callable[[], None]) -> None:
    path.unlink()
    make()


CHANGES: dict[str, Callable[[Path], object]] = {
    "grows": lambda path: write(path, "ab"),
    "is truncated": lambda path: os.truncate(path, 1 * MIB),
    "is written to": lambda path: write(path, "r+b"),
    "is deleted": lambda path: path.unlink(),
    "is renamed": lambda path: path.rename(path.with_name("renamed")),
    "becomes a link": lambda path: replace(path, lambda: path.symlink_to("/etc/passwd")),
    "becomes a fifo": lambda path: replace(path, lambda: os.mkfifo(path)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_large_file_that_changes_while_it_is_uploaded_is_left_out_and_never_completed(
    rig: Rig, tmp_path: Path, change: str
) -> None:
    local, multipart, is_changed = a_file(tmp_path, LARGE), MultipartStub(), threading.Event()

    def change_it(request: Received) -> None:
        if b"partNumber=1" in request.line and not is_changed.is_set():
            is_changed.set()
            CHANGES[change](local.root / local.path)

    store, _ = rig.store(not_there(multipart, change_it), connections=1)
    changes = store.upload_changes([local], NEVER)
    assert list(changes.left_out) == [local]
    assert changes.uploaded.objects == 0
    wait_for("the abort", lambda: "DELETE uploadId=u%261" in multipart.seen)
    assert "POST uploadId=u%261" not in multipart.seen


@pytest.mark.parametrize("size", [1000, 1 * MIB])
def test_what_is_sent_of_a_file_that_changes_after_it_was_looked_at_is_refused_by_its_md5(
    rig: Rig, tmp_path: Path, size: int
) -> None:
    """Also when nothing else of the file tells that, as with a memory map."""
    local = a_file(tmp_path, size)
    path, status = local.root / local.path, (local.root / local.path).stat()

    def change_it(request: Received) -> None:
        if request.line.startswith(b"HEAD"):
            write(path, "r+b")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def verify(request: Received, connection: socket.socket) -> None:
        said = request.header(b"content-md5")
        is_good = said == base64.b64encode(hashlib.md5(request.body, usedforsecurity=False).digest())
        connection.sendall(http(200) if is_good else s3_error(400, "BadDigest"))

    store, _ = rig.store(not_there(verify, change_it))
    changes = store.upload_changes([local], NEVER)
    assert [str(error)[:40] for error in changes.left_out.values()] == ["PutObject failed for s3://b/f: BadDigest"]
    assert store.upload_changes([a_local_file(path, "b", "f")], NEVER).left_out.keys() <= {local}


def test_a_store_that_does_not_say_what_it_has_gets_the_file(rig: Rig, tmp_path: Path) -> None:
    store, stub = rig.store(in_turn(s3_error(403, "AccessDenied"), http(200)))
    changes = store.upload_changes([a_file(tmp_path, 10)], NEVER)
    assert (changes.uploaded.objects, changes.left_out) == (1, {})
    assert stub.received[1].line.startswith(b"PUT")


# --- multipart uploads of a killed server ---


def listing(*uploads: tuple[str, str, datetime]) -> bytes:
    return (
        b"<ListMultipartUploadsResult>"
        + b"".join(
            f"<Upload><Key>{key}</Key><UploadId>{upload_id}</UploadId><Initiated>{at.isoformat()}</Initiated></Upload>".encode()
            for key, upload_id, at in uploads
        )
        + b"</ListMultipartUploadsResult>"
    )


def test_an_upload_that_is_over_is_not_in_the_journal(rig: Rig, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    answer = MultipartStub()
    store, _ = rig.store(answer, journal_folder=journal)
    store.upload([a_file(tmp_path, LARGE)], NEVER)
    assert list(journal.iterdir()) == []
    refusing, _ = rig.store(MultipartStub(refused_part=1), journal_folder=journal)
    with pytest.raises(ObjectStoreRefused):
        refusing.upload([a_file(tmp_path, LARGE)], NEVER)
    wait_for("the abort", lambda: not list(journal.iterdir()))


@pytest.mark.parametrize("is_id_known", [True, False])
def test_the_next_start_aborts_what_a_killed_server_has_begun(rig: Rig, tmp_path: Path, is_id_known: bool) -> None:
    """Without an id, only an upload of that very key that is not older is ours."""
    entry = MultipartJournal(tmp_path).begin("b", "k")
    if is_id_known:
        entry.created("u1")
    now = datetime.now(UTC)
    old = now - timedelta(hours=1)
    body = listing(("k", "u1", now), ("k2", "other-key", now), ("k", "before", old))
    answers = in_turn(*(() if is_id_known else (http(200, body),)), http(204))
    store, stub = rig.store(answers, journal_folder=tmp_path)
    store.abort_unfinished()
    wait_for("the abort", lambda: not list(tmp_path.iterdir()))
    deleted = [request.line for request in stub.received if request.line.startswith(b"DELETE")]
    assert [line.split()[1] for line in deleted] == [b"/b/k?uploadId=u1"]


def test_an_upload_that_the_store_does_not_know_any_more_is_forgotten(rig: Rig, tmp_path: Path) -> None:
    MultipartJournal(tmp_path).begin("b", "k").created("u1")
    store, _ = rig.store(in_turn(s3_error(404, "NoSuchUpload")), journal_folder=tmp_path)
    store.abort_unfinished()
    wait_for("the end of the entry", lambda: not list(tmp_path.iterdir()))


def test_a_journal_that_cannot_be_read_or_written_holds_up_nothing(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_text("{")
    store, _ = rig.store(MultipartStub(), journal_folder=tmp_path)
    store.abort_unfinished()
    assert store.upload([a_file(tmp_path, LARGE)], NEVER).objects == 1
    elsewhere, _ = rig.store(MultipartStub(), journal_folder=tmp_path / "torn.json")
    elsewhere.abort_unfinished()
    assert elsewhere.upload([a_file(tmp_path, LARGE)], NEVER).objects == 1
