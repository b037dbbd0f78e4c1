"""The framing of uploads, taken off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing_emulator.aws.s3.aws_chunked import ChunkDecoder, decoded_length, is_chunked, plain_headers
from processing_emulator.aws.s3.chunk_framing import MalformedChunks

SIGNATURE = b"0" * 64


def _signed(*chunks: bytes) -> bytes:
    framed = b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(chunk), SIGNATURE, chunk) for chunk in chunks)
    return framed + b"0;chunk-signature=%s\r\n" % SIGNATURE


SIGNED_END = b"\r\n"
TRAILER = b"x-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
SIGNED_TRAILER = b"x-amz-checksum-crc32:DUoRhQ==\r\nx-amz-trailer-signature:%s\r\n\r\n" % SIGNATURE


def _decode(body: bytes, length: int, step: int | None = None) -> bytes:
    decoder = ChunkDecoder(length)
    step = step or len(body)
    found = b"".join(decoder.feed(body[at : at + step]) for at in range(0, len(body), step))
    decoder.finish()
    return found


@pytest.mark.parametrize("end", [SIGNED_END, TRAILER, SIGNED_TRAILER])
@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_signed_chunks_become_the_object_whatever_pieces_they_come_in(end: bytes, step: int) -> None:
    assert _decode(_signed(b"hello ", b"world") + end, 11, step) == b"hello world"


def test_unsigned_chunks_with_a_checksum_at_the_end_become_the_object() -> None:
    assert _decode(b"B\r\nhello world\r\n0\r\n" + TRAILER, 11) == b"hello world"


def test_an_empty_object_is_one_empty_chunk() -> None:
    assert _decode(b"0\r\n" + TRAILER, 0) == b""


@given(st.lists(st.binary(min_size=1, max_size=50)), st.integers(1, 60))
def test_any_chunks_in_any_pieces(chunks: list[bytes], step: int) -> None:
    whole = b"".join(chunks)
    assert _decode(_signed(*chunks) + SIGNED_END, len(whole), step) == whole


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"hello world", "a line between|shorter"),
        (b"xyz\r\n", "does not begin with its size"),
        (b"-5\r\nhello\r\n0\r\n\r\n", "does not begin with its size"),
        (b"1_1\r\nhello\r\n0\r\n\r\n", "does not begin with its size"),
        (b"\r\n\r\n", "does not begin with its size"),
        (b"5\r\nhello world\r\n0\r\n\r\n", "longer than it says"),
        (b"c\r\nhello world!\r\n0\r\n\r\n", "longer than x-amz-decoded-content-length"),
        (b"5\r\nhello\r\n0\r\n\r\n", "shorter than x-amz-decoded-content-length"),
        (b"b\r\nhello world\r\n", "shorter than x-amz-decoded-content-length"),
        (b"b\r\nhel", "shorter than x-amz-decoded-content-length"),
        (b"0" * 5000, "a line between two chunks is too long"),
        (b"b;" + b"x" * 5000 + b"\r\n", "a line between two chunks is too long"),
    ],
)
def test_a_body_that_is_framed_wrongly_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(MalformedChunks, match=sentence):
        _decode(body, 11)


@given(st.binary(max_size=200), st.integers(0, 20))
def test_no_body_breaks_the_decoder(body: bytes, length: int) -> None:
    decoder = ChunkDecoder(length)
    try:
        assert len(decoder.feed(body)) <= length
        decoder.finish()
    except MalformedChunks:
        return


HEADERS = [
    (b"host", b"127.0.0.1:9320"),
    (b"authorization", b"AWS4-HMAC-SHA256 ..."),
    (b"content-encoding", b"aws-chunked"),
    (b"content-length", b"200"),
    (b"content-type", b"text/plain"),
    (b"x-amz-content-sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    (b"x-amz-decoded-content-length", b"11"),
    (b"x-amz-meta-mine", b"kept"),
    (b"x-amz-trailer", b"x-amz-checksum-crc32"),
]


def test_the_headers_of_the_framing_go_and_all_others_stay() -> None:
    assert is_chunked(HEADERS)
    plain = plain_headers(HEADERS)
    assert plain == [
        (b"host", b"127.0.0.1:9320"),
        (b"content-type", b"text/plain"),
        (b"x-amz-meta-mine", b"kept"),
        (b"content-length", b"11"),
        (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
    ]
    assert not is_chunked(plain)


def test_another_encoding_stays() -> None:
    headers = [(b"content-encoding", b"aws-chunked,gzip"), (b"x-amz-decoded-content-length", b"1")]
    assert (b"content-encoding", b"gzip") in plain_headers(headers)


@pytest.mark.parametrize(
    "headers", [[], [(b"x-amz-decoded-content-length", b"-1")], [(b"x-amz-decoded-content-length", b"1" * 5000)]]
)
def test_a_length_that_is_missing_or_none_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(MalformedChunks, match="x-amz-decoded-content-length is missing"):
        decoded_length(headers)
