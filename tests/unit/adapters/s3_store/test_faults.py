"""The store client against a stub that breaks: transfers resume, end soon when cancelled, and leave nothing behind."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processing_emulator.adapters.s3_store.parts import MIB
from processing_emulator.errors import Cancelled, ObjectStoreRefused, ObjectStoreUnreachable
from tests.stub_store import Received, http, s3_error
from tests.unit.adapters.s3_store.test_store import (
    LARGE,
    NEVER,
    MultipartStub,
    Rig,
    a_file,
    files_below,
    planned,
    range_of,
)
from tests.waiting import wait_for

SOON_SECONDS = 1.0


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def content_of(start: int, end: int) -> bytes:
    """Bytes that say where they belong."""
    return b"".join(n.to_bytes(8, "big") for n in range(start // 8, -(-end // 8)))[start % 8 :][: end - start]


def cancelled_after(begin: Callable[[threading.Event], object], reached: Callable[[], object]) -> float:
    """Run a transfer, cancel it once `reached` is true, and return how long it took to end."""
    cancel = threading.Event()
    ended: list[float] = []

    def run() -> None:
        with pytest.raises(Cancelled):
            begin(cancel)
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    wait_for("the point to cancel at", reached)
    began = time.monotonic()
    cancel.set()
    thread.join(30)
    return ended[0] - began


# --- downloads resume ---


def test_a_part_of_a_large_object_continues_after_the_bytes_that_arrived(rig: Rig, tmp_path: Path) -> None:
    """Every response breaks after 3 MiB, which is more often than the patience allows for failures in a row."""

    def answer(request: Received, connection: socket.socket) -> None:
        start, end = range_of(request)
        whole = http(206, content_of(start, end))
        if end - start > 3 * MIB:
            connection.sendall(whole[: len(whole) - (end - start) + 3 * MIB])
            raise ConnectionAbortedError
        connection.sendall(whole)

    store, stub = rig.store(answer, patience_seconds=0.05)
    store.download([planned(20 * MIB, etag="v1")], tmp_path, NEVER)
    assert (tmp_path / "k").read_bytes() == content_of(0, 20 * MIB)
    asked = sorted(range_of(request) for request in stub.received)
    assert {request.header(b"if-match") for request in stub.received} == {b'"v1"'}
    assert len({start for start, _ in asked}) == len(asked), "no byte is requested again from the start of a part"


def test_a_whole_object_continues_with_a_range(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        if request.header(b"range") is None:
            connection.sendall(http(200, b"0123456789")[:-4])
            raise ConnectionAbortedError
        start, end = range_of(request)
        connection.sendall(http(206, b"0123456789"[start:end]))

    store, stub = rig.store(answer)
    store.download([planned(10, etag="v1")], tmp_path, NEVER)
    assert (tmp_path / "k").read_bytes() == b"0123456789"
    assert stub.received[1].header(b"range") == b"bytes=6-9"
    assert stub.received[1].header(b"if-match") == b'"v1"'


def test_a_store_that_answers_a_range_with_the_whole_object_starts_it_again(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"0123456789")[: -4 if request.number == 0 else None])
        if request.number == 0:
            raise ConnectionAbortedError

    store, _ = rig.store(answer)
    store.download([planned(10, etag="v1")], tmp_path, NEVER)
    assert (tmp_path / "k").read_bytes() == b"0123456789"


def test_an_object_without_an_etag_is_not_put_together_from_two_responses(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"0123456789")[: -4 if request.number == 0 else None])
        if request.number == 0:
            raise ConnectionAbortedError

    store, stub = rig.store(answer)
    store.download([planned(10)], tmp_path, NEVER)
    assert stub.received[1].header(b"range") is None


def test_an_object_that_changed_during_the_outage_is_an_error(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        if request.number == 0:
            connection.sendall(http(200, b"0123456789")[:-4])
            raise ConnectionAbortedError
        connection.sendall(s3_error(412, "PreconditionFailed"))

    store, _ = rig.store(answer)
    with pytest.raises(ObjectStoreRefused, match="PreconditionFailed"):
        store.download([planned(10, etag="v1")], tmp_path, NEVER)
    assert files_below(tmp_path) == []


def test_a_store_that_stays_away_in_the_middle_of_a_body_is_named(rig: Rig, tmp_path: Path) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        if request.number == 0:
            connection.sendall(http(200, b"0123456789")[:-4])
        raise ConnectionAbortedError

    store, stub = rig.store(answer)
    with pytest.raises(ObjectStoreUnreachable) as caught:
        store.download([planned(10, etag="v1")], tmp_path, NEVER)
    assert stub.endpoint.removeprefix("http://") in str(caught.value)
    assert "Check that the store runs and can be reached from here" in str(caught.value)
    assert files_below(tmp_path) == []


# --- cancellation ---


def test_a_download_is_cancelled_within_a_second_during_back_off(rig: Rig, tmp_path: Path) -> None:
    def answer(_request: Received, connection: socket.socket) -> None:
        connection.sendall(s3_error(503, "SlowDown"))

    store, stub = rig.store(answer, patience_seconds=600)
    spent = cancelled_after(lambda c: store.download([planned(10)], tmp_path, c), lambda: len(stub.received) > 6)
    assert spent < SOON_SECONDS
    assert files_below(tmp_path) == []


def test_a_download_is_cancelled_within_a_second_in_the_middle_of_a_body(rig: Rig, tmp_path: Path) -> None:
    def answer(_request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"0123456789")[:-4])
        connection.recv(1)

    store, stub = rig.store(answer)
    spent = cancelled_after(lambda c: store.download([planned(10)], tmp_path, c), lambda: stub.received)
    assert spent < SOON_SECONDS
    assert files_below(tmp_path) == []


def test_an_upload_is_cancelled_within_a_second_while_the_store_takes_no_bytes(rig: Rig, tmp_path: Path) -> None:
    held = threading.Event()

    class DeafStub(MultipartStub):
        def __call__(self, request: Received, connection: socket.socket) -> None:
            if b"partNumber" in request.line or request.line.startswith(b"DELETE"):
                held.wait(30)
            super().__call__(request, connection)

    answer = DeafStub()
    store, stub = rig.store(answer)
    local = a_file(tmp_path, LARGE)
    spent = cancelled_after(lambda c: store.upload([local], c), lambda: len(stub.received) > 2)
    held.set()
    assert spent < SOON_SECONDS


# --- unfinished multipart uploads ---


def test_a_cancelled_multipart_upload_is_aborted(rig: Rig, tmp_path: Path) -> None:
    held = threading.Event()

    class SlowStub(MultipartStub):
        def __call__(self, request: Received, connection: socket.socket) -> None:
            if b"partNumber=2" in request.line:
                held.wait(30)
            super().__call__(request, connection)

    answer = SlowStub()
    store, _ = rig.store(answer)
    local = a_file(tmp_path, LARGE)
    spent = cancelled_after(
        lambda c: store.upload([local], c), lambda: [line for line in answer.seen if "partNumber=1" in line]
    )
    assert spent < SOON_SECONDS
    wait_for("the abort", lambda: "DELETE uploadId=u%261" in answer.seen)
    held.set()


def test_an_upload_whose_store_goes_away_is_aborted_once_it_is_back(rig: Rig, tmp_path: Path) -> None:
    away = threading.Event()

    class LeavingStub(MultipartStub):
        def __call__(self, request: Received, connection: socket.socket) -> None:
            if b"partNumber=3" in request.line:
                away.set()
            if away.is_set():
                raise ConnectionAbortedError
            super().__call__(request, connection)

    answer = LeavingStub()
    store, _ = rig.store(answer, patience_seconds=2.0)
    with pytest.raises(ObjectStoreUnreachable):
        store.upload([a_file(tmp_path, LARGE)], NEVER)
    assert "DELETE uploadId=u%261" not in answer.seen
    away.clear()
    wait_for("the abort", lambda: "DELETE uploadId=u%261" in answer.seen)


def test_an_upload_that_is_gone_needs_no_abort(rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class ForgetfulStub(MultipartStub):
        def __call__(self, request: Received, connection: socket.socket) -> None:
            if request.line.startswith(b"DELETE"):
                self.seen.append("DELETE")
                connection.sendall(s3_error(404, "NoSuchUpload"))
            else:
                super().__call__(request, connection)

    answer = ForgetfulStub(refused_part=2)
    store, _ = rig.store(answer)
    with pytest.raises(ObjectStoreRefused):
        store.upload([a_file(tmp_path, LARGE)], NEVER)
    wait_for("the abort", lambda: "DELETE" in answer.seen)
    wait_for("its thread", lambda: all(thread.name != "s3-abort" for thread in threading.enumerate()))
    assert [record for record in caplog.records if "not aborted" in record.message] == []


@pytest.mark.parametrize("is_there", [True, False])
def test_a_lost_response_to_the_completion_does_not_fail_an_upload_that_is_there(
    rig: Rig, tmp_path: Path, is_there: bool
) -> None:
    md5 = hashlib.md5(b"part", usedforsecurity=False)
    combined = hashlib.md5(md5.digest() * 4, usedforsecurity=False).hexdigest() + "-4"
    completions: list[Received] = []

    class LossyStub(MultipartStub):
        def __call__(self, request: Received, connection: socket.socket) -> None:
            if request.line.startswith(b"POST /b/f?uploadId"):
                completions.append(request)
                if len(completions) == 1:
                    raise ConnectionAbortedError
                connection.sendall(s3_error(404, "NoSuchUpload"))
            elif request.line.startswith((b"HEAD", b"GET")):
                etag = f'"{combined}"' if is_there else '"another"'
                head = http(200, ETag=etag)
                connection.sendall(head)
            elif b"partNumber" in request.line:
                connection.sendall(http(200, ETag=f'"{md5.hexdigest()}"'))
            else:
                super().__call__(request, connection)

    store, _ = rig.store(LossyStub())
    if is_there:
        assert store.upload([a_file(tmp_path, LARGE)], NEVER).objects == 1
    else:
        with pytest.raises(ObjectStoreRefused, match="NoSuchUpload"):
            store.upload([a_file(tmp_path, LARGE)], NEVER)
