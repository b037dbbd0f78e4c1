"""Signed chunks: those that were signed pass in pieces of any size, and nothing that was changed on its way does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing_emulator.aws.signatures.chunk_signatures import ChunkVerifier
from processing_emulator.aws.signatures.parsing import Flaw, Refused, SignedRequest
from processing_emulator.aws.signatures.verification import Rules, Seed, verify

from tests.unit.aws.chunked import SIGNED, SIGNED_TRAILER, Chunk, Upload, signed_upload
from tests.unit.aws.parts import a_keyring
from tests.unit.aws.signing import ACCESS_KEY, SECRET_KEY, signed_at

S3 = Rules(is_s3=True, window=timedelta(minutes=15))
KEYS = a_keyring({ACCESS_KEY: SECRET_KEY})
PIECES = (b"first chunk", b"the second", b"third")
TRAILER = b"x-amz-checksum-crc32:DUoRhQ=="

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
STAMP = "20130524T000000Z"
AWS_CHUNKS = (b"a" * 65536, b"a" * 1024, b"")
"""The example of both pages of AWS's documentation: 66,560 letters, in chunks of 64 KiB."""


def aws_head(kind: str, signed_headers: str, signature: str) -> SignedRequest:
    """The head of the example, as it is printed there."""
    trailer = ((b"x-amz-trailer", b"x-amz-checksum-crc32c"),) if kind == SIGNED_TRAILER else ()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed_headers},Signature={signature}"
    )
    return SignedRequest(
        method="PUT",
        path=b"/examplebucket/chunkObject.txt",
        query=b"",
        headers=(
            (b"host", b"s3.amazonaws.com"),
            (b"x-amz-date", STAMP.encode()),
            (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
            (b"authorization", authorization.encode()),
            (b"x-amz-content-sha256", kind.encode()),
            (b"content-encoding", b"aws-chunked"),
            (b"x-amz-decoded-content-length", b"66560"),
            (b"content-length", b"66824"),
            *trailer,
        ),
    )


PLAIN_HEAD = aws_head(
    SIGNED,
    "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
    "x-amz-storage-class",
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
)
PLAIN_SIGNATURES = (
    b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILER_HEAD = aws_head(
    SIGNED_TRAILER,
    "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;"
    "x-amz-trailer",
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
)
TRAILER_SIGNATURES = (
    b"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    b"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    b"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER_END = (
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


@pytest.mark.parametrize("step", [1000, 65536, 70000])
@pytest.mark.parametrize(
    ("head", "signatures", "end"),
    [(PLAIN_HEAD, PLAIN_SIGNATURES, b"\r\n"), (TRAILER_HEAD, TRAILER_SIGNATURES, TRAILER_END)],
)
def test_the_examples_of_the_documentation_are_right(
    head: SignedRequest, signatures: tuple[bytes, ...], end: bytes, step: int
) -> None:
    chunks = tuple(
        Chunk(size=b"%x" % len(data), signature=signature, data=data)
        for data, signature in zip(AWS_CHUNKS, signatures, strict=True)
    )
    named = head.header(b"x-amz-content-sha256") or ""
    moment = datetime(2013, 5, 24, tzinfo=UTC)

    seed = verify(head, named, a_keyring({KEY_ID: SECRET}), S3, moment)

    body = Upload(chunks=chunks, end=end).wire
    assert flaw_of(body, seed, 66560, has_trailer=named == SIGNED_TRAILER, step=step) is None


def seed_for(head: SignedRequest) -> tuple[Seed, int, bool]:
    """What a verifier is told of a head that passes: the seed, the object's length, whether there is a trailer."""
    named = head.header(b"x-amz-content-sha256") or ""
    seed = verify(head, named, KEYS, S3, signed_at(head))
    return seed, int(head.header(b"x-amz-decoded-content-length") or ""), named == SIGNED_TRAILER


def flaw_of(body: bytes, seed: Seed, length: int, *, has_trailer: bool, step: int) -> Flaw | None:
    """What is wrong with a body that comes in pieces of this size."""
    verifier = ChunkVerifier(seed, length, has_trailer=has_trailer)
    try:
        for at in range(0, len(body), step):
            verifier.feed(body[at : at + step])
        verifier.finish()
    except Refused as refused:
        return refused.flaw
    return None


def flaw_after(change: Callable[[Upload], Upload], trailer: bytes | None, step: int = 7) -> Flaw | None:
    """What is wrong with an upload that was changed on its way."""
    head, upload = signed_upload(PIECES, trailer)
    seed, length, has_trailer = seed_for(head)
    return flaw_of(change(upload).wire, seed, length, has_trailer=has_trailer, step=step)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5), st.booleans(), st.integers(1, 90))
def test_any_chunks_that_were_signed_pass_in_any_pieces(pieces: list[bytes], with_trailer: bool, step: int) -> None:
    head, upload = signed_upload(pieces, TRAILER if with_trailer else None)
    seed, length, has_trailer = seed_for(head)

    assert flaw_of(upload.wire, seed, length, has_trailer=has_trailer, step=step) is None


CHANGES: dict[str, tuple[Callable[[Upload], Upload], Flaw]] = {
    "data": (lambda u: u.with_chunk(0, data=b"First chunk"), Flaw.MISMATCH),
    "data of the last": (lambda u: u.with_chunk(2, data=b"thirD"), Flaw.MISMATCH),
    "size, larger": (lambda u: u.with_chunk(1, size=b"b"), Flaw.MISMATCH),
    "size, smaller": (lambda u: u.with_chunk(1, size=b"9"), Flaw.MISMATCH),
    "size, none": (lambda u: u.with_chunk(1, size=b"0"), Flaw.MISMATCH),
    "size, no number": (lambda u: u.with_chunk(1, size=b"-a"), Flaw.BAD_FRAMING),
    "signature": (lambda u: u.with_chunk(1, signature=b"0" * 64), Flaw.MISMATCH),
    "signature of another": (lambda u: u.with_chunk(1, signature=u.chunks[0].signature), Flaw.MISMATCH),
    "signature of the empty one": (lambda u: u.with_chunk(3, signature=b"0" * 64), Flaw.MISMATCH),
    "signature and more": (
        lambda u: u.with_chunk(1, signature=u.chunks[1].signature + b";a=b"),
        Flaw.MISMATCH,
    ),
    "no signature": (lambda u: u.with_chunk(1, signature=b""), Flaw.MISMATCH),
    "order": (lambda u: u.in_order(1, 0, 2, 3), Flaw.MISMATCH),
    "first left out": (lambda u: u.in_order(1, 2, 3), Flaw.MISMATCH),
    "middle left out": (lambda u: u.in_order(0, 2, 3), Flaw.MISMATCH),
    "last left out": (lambda u: u.in_order(0, 1, 3), Flaw.MISMATCH),
    "one twice": (lambda u: u.in_order(0, 1, 1, 2, 3), Flaw.MISMATCH),
    "cut after a chunk": (lambda u: replace(u.in_order(0, 1), end=b""), Flaw.BAD_FRAMING),
    "the empty chunk left out": (lambda u: u.in_order(0, 1, 2), Flaw.BAD_FRAMING),
    "more after the end": (lambda u: replace(u, end=u.end + b"more"), Flaw.BAD_FRAMING),
    "again after the end": (lambda u: replace(u, end=u.end + u.wire), Flaw.BAD_FRAMING),
}


@pytest.mark.parametrize("trailer", [None, TRAILER])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_on_the_way_is_found(change: str, trailer: bytes | None) -> None:
    changed, flaw = CHANGES[change]

    assert flaw_after(lambda upload: upload, trailer) is None
    assert flaw_after(changed, trailer) is flaw


@given(st.data(), st.booleans(), st.integers(1, 300))
def test_a_body_with_one_other_byte_does_not_pass(data: st.DataObject, with_trailer: bool, step: int) -> None:
    """But for what says the same: digits of a size, the case and the spaces of a trailer's header."""
    head, upload = signed_upload(PIECES, TRAILER if with_trailer else None)
    seed, length, has_trailer = seed_for(head)
    at = data.draw(st.integers(0, len(upload.wire) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: bytes([byte]).lower() != upload.wire[at : at + 1]))
    body = upload.wire[:at] + bytes([other]) + upload.wire[at + 1 :]

    assert flaw_of(body, seed, length, has_trailer=has_trailer, step=step) is not None


@given(st.data(), st.booleans(), st.integers(1, 300))
def test_a_body_whose_end_is_cut_off_is_incomplete(data: st.DataObject, with_trailer: bool, step: int) -> None:
    head, upload = signed_upload(PIECES, TRAILER if with_trailer else None)
    seed, length, has_trailer = seed_for(head)
    body = upload.wire[: data.draw(st.integers(0, len(upload.wire) - 1))]

    assert flaw_of(body, seed, length, has_trailer=has_trailer, step=step) is Flaw.BAD_FRAMING


SIGNATURE_LINE = b"x-amz-trailer-signature:" + b"0" * 64 + b"\r\n"
TRAILER_CHANGES: dict[str, tuple[Callable[[bytes], bytes], Flaw]] = {
    "value": (lambda end: end.replace(b"DUoRhQ==", b"AAAAAA=="), Flaw.MISMATCH),
    "name": (lambda end: end.replace(b"crc32:", b"crc32c:"), Flaw.MISMATCH),
    "one more": (lambda end: b"x-amz-meta-a:b\r\n" + end, Flaw.MISMATCH),
    "none but a signature": (lambda end: end[end.index(b"x-amz-trailer-signature") :], Flaw.MISMATCH),
    "another signature": (lambda _: TRAILER + b"\r\n" + SIGNATURE_LINE + b"\r\n", Flaw.MISMATCH),
    "no signature": (lambda _: TRAILER + b"\r\n\r\n", Flaw.BAD_TRAILER),
    "nothing": (lambda _: b"\r\n", Flaw.BAD_TRAILER),
    "twice the same": (lambda end: TRAILER + b"\r\n" + end, Flaw.BAD_TRAILER),
    "one after the signature": (lambda end: end[:-2] + b"x-amz-meta-a:b\r\n\r\n", Flaw.BAD_TRAILER),
    "no header": (lambda end: b"hello\r\n" + end, Flaw.BAD_TRAILER),
    "a long line": (lambda end: b"x-amz-meta-a:" + b"b" * 5000 + b"\r\n" + end, Flaw.BAD_FRAMING),
    "many lines": (lambda end: b"x-amz-meta-a%d:b\r\n" * 600 % tuple(range(600)) + end, Flaw.BAD_FRAMING),
}


@pytest.mark.parametrize("change", TRAILER_CHANGES)
def test_another_trailer_is_found(change: str) -> None:
    changed, flaw = TRAILER_CHANGES[change]

    assert flaw_after(lambda upload: replace(upload, end=changed(upload.end)), TRAILER) is flaw


def test_a_trailer_that_was_not_promised_is_refused() -> None:
    end = TRAILER + b"\r\n" + SIGNATURE_LINE + b"\r\n"

    assert flaw_after(lambda upload: replace(upload, end=end), None) is Flaw.BAD_TRAILER


def test_a_trailer_may_be_written_in_capitals_and_with_spaces() -> None:
    def spaced(upload: Upload) -> Upload:
        return replace(upload, end=upload.end.replace(b"x-amz-checksum-crc32:", b"X-Amz-Checksum-Crc32: "))

    assert flaw_after(spaced, TRAILER) is None


@pytest.mark.parametrize("length", [25, 27])
def test_another_length_than_the_one_that_was_named_is_refused(length: int) -> None:
    head, upload = signed_upload(PIECES)
    seed, actual, _ = seed_for(head)

    assert actual == 26
    assert flaw_of(upload.wire, seed, length, has_trailer=False, step=100) is Flaw.BAD_FRAMING


def test_chunks_go_with_their_own_head_only() -> None:
    head, _ = signed_upload(PIECES)
    _, upload = signed_upload((b"something", b"else, of 26 bytes."))
    seed, length, _ = seed_for(head)

    assert flaw_of(upload.wire, seed, length, has_trailer=False, step=100) is Flaw.MISMATCH
