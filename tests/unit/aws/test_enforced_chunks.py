"""Uploads in signed chunks where signatures are enforced: what the client hears, and what is kept."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from processing_emulator.aws.signatures.parsing import SignedRequest
from starlette.types import ASGIApp

from tests.unit.aws.chunked import SIGNED, SIGNED_TRAILER, Upload, signed_upload
from tests.unit.aws.parts import front_door_over
from tests.unit.aws.signing import Signer, with_header
from tests.unit.aws.test_enforcement import KEYS, OffsetClock, RememberingStore, send, xml_error
from tests.unit.jobs.parts import Api

PIECES = (b"first chunk", b"the second", b"third")
TRAILER = b"x-amz-checksum-crc32:DUoRhQ=="


@pytest.fixture
def store() -> RememberingStore:
    return RememberingStore()


@pytest.fixture
def app(store: RememberingStore) -> Iterator[ASGIApp]:
    """The front door, enforced."""
    with front_door_over(Api(), s3=store, keys=KEYS, clock=OffsetClock(), enforced=True) as app:
        yield app


def with_length(head: SignedRequest, body: bytes) -> SignedRequest:
    return with_header(head, "content-length", str(len(body)))


@pytest.mark.parametrize("step", [1, 10, 1000])
@pytest.mark.parametrize("trailer", [None, TRAILER])
def test_chunks_that_were_signed_are_handed_on_with_their_framing(
    app: ASGIApp, store: RememberingStore, trailer: bytes | None, step: int
) -> None:
    head, upload = signed_upload(PIECES, trailer)
    body = upload.wire

    answer = send(app, with_length(head, body), [body[at : at + step] for at in range(0, len(body), step)])

    assert answer.body == b"stored"
    assert store.kept == [body]


def test_a_session_signs_chunks_with_its_own_key(app: ASGIApp, store: RememberingStore) -> None:
    now = OffsetClock().now()
    keys = KEYS.mint.issue(account="111122223333", role="R", session="me", now=now, lifetime_seconds=60)
    signer = Signer(service="s3", access_key=keys.access_key, secret_key=keys.secret_key, token=keys.session_token)
    head, upload = signed_upload(PIECES, signer=signer)

    assert send(app, with_length(head, upload.wire), upload.wire).body == b"stored"
    assert store.kept == [upload.wire]


MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
SHORT = "The request body terminated unexpectedly: "
BAD_TRAILER = "The request contained trailing data that was not well-formed or did not conform to our published schema."


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda u: u.with_chunk(2, data=b"thirD"), (403, "SignatureDoesNotMatch", MISMATCH)),
        (lambda u: u.in_order(1, 0, 2, 3), (403, "SignatureDoesNotMatch", MISMATCH)),
        (
            lambda u: replace(u, end=u.end[:-2]),
            (400, "IncompleteBody", SHORT + "the end of the last chunk is missing"),
        ),
        (
            lambda u: u.with_chunk(0, size=b"?"),
            (400, "IncompleteBody", SHORT + "a chunk does not begin with its size"),
        ),
        (lambda u: replace(u, end=b"\r\n"), (400, "MalformedTrailerError", BAD_TRAILER)),
    ],
)
def test_of_chunks_that_were_changed_nothing_is_kept(
    app: ASGIApp,
    store: RememberingStore,
    change: Callable[[Upload], Upload],
    error: tuple[int, str, str],
    step: int,
) -> None:
    head, upload = signed_upload(PIECES, TRAILER)
    body = change(upload).wire

    answer = send(app, with_length(head, body), [body[at : at + step] for at in range(0, len(body), step)])

    assert xml_error(answer) == error
    assert (store.kept, store.given_up) == ([], 1)


def test_an_empty_object_is_signed_too(app: ASGIApp, store: RememberingStore) -> None:
    head, upload = signed_upload(())
    forged = upload.with_chunk(0, signature=b"0" * 64).wire

    assert send(app, with_length(head, upload.wire), upload.wire).body == b"stored"
    assert xml_error(send(app, with_length(head, forged), forged))[1] == "SignatureDoesNotMatch"
    assert store.kept == [upload.wire]


@pytest.mark.parametrize("length", [None, "0"])
def test_chunks_without_a_body_are_refused(app: ASGIApp, store: RememberingStore, length: str | None) -> None:
    head, _ = signed_upload(PIECES)

    error = xml_error(send(app, with_header(head, "content-length", length)))

    assert error == (400, "IncompleteBody", SHORT + "there is no body")
    assert (store.kept, store.given_up) == ([], 0)


@pytest.mark.parametrize("length", [None, "-1", "1" * 5000])
def test_chunks_of_no_length_are_refused(app: ASGIApp, store: RememberingStore, length: str | None) -> None:
    headers = {} if length is None else {"x-amz-decoded-content-length": length}
    head = Signer(service="s3").sign_named("PUT", "/b/k", headers, SIGNED)

    error = xml_error(send(app, with_length(head, b"data"), b"data"))

    assert error == (400, "IncompleteBody", SHORT + "x-amz-decoded-content-length is missing or no number")
    assert (store.kept, store.given_up) == ([], 0)


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "InvalidRequest"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", "InvalidRequest"),
        ("STREAMING-SOMETHING-ELSE", "InvalidArgument"),
        ("A" * 64, "InvalidArgument"),
    ],
)
def test_other_ways_to_sign_a_body_are_refused_by_name(
    app: ASGIApp, store: RememberingStore, named: str, code: str
) -> None:
    head = Signer(service="s3").sign_named("PUT", "/b/k", {"x-amz-decoded-content-length": "4"}, named)

    assert xml_error(send(app, with_length(head, b"data"), b"data"))[:2] == (400, code)
    assert (store.kept, store.given_up) == ([], 0)


def test_the_asymmetric_signature_is_refused_by_name(app: ASGIApp) -> None:
    head = with_header(signed_upload(PIECES)[0], "authorization", "AWS4-ECDSA-P256-SHA256 Credential=a")

    code, text = xml_error(send(app, with_length(head, b"data"), b"data"))[1:]

    assert (code, "Please use AWS4-HMAC-SHA256." in (text or "")) == ("InvalidRequest", True)


def test_unsigned_chunks_are_covered_by_their_head(app: ASGIApp, store: RememberingStore) -> None:
    head = Signer(service="s3").sign_named(
        "PUT", "/b/k", {"x-amz-decoded-content-length": "5"}, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )
    body = b"5\r\nhello\r\n0\r\n\r\n"

    assert send(app, with_length(head, body), body).body == b"stored"
    assert store.kept == [body]


def test_signed_chunks_cannot_be_passed_off_as_unsigned_ones(app: ASGIApp, store: RememberingStore) -> None:
    head, upload = signed_upload(PIECES, TRAILER)
    for named in (SIGNED, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "UNSIGNED-PAYLOAD"):
        captured = with_header(with_length(head, upload.wire), "x-amz-content-sha256", named)
        assert xml_error(send(app, captured, upload.wire))[1] == "SignatureDoesNotMatch"

    assert head.header(b"x-amz-content-sha256") == SIGNED_TRAILER
    assert store.kept == []
