"""Paths and queries of S3 requests, as they are signed for the embedded store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.aws.s3.canonical import canonical_path, canonical_query


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        (b"", ""),
        (b"prefix=b&list-type=2", "list-type=2&prefix=b"),
        (b"uploads", "uploads="),
        (b"prefix=a+b%2fc&delimiter=/", "delimiter=%2F&prefix=a%20b%2Fc"),
        (b"prefix=%C3%BC", "prefix=%C3%BC"),
        (b"X-Amz-Signature=0&X-Amz-Expires=1&versionId=1&AWSAccessKeyId=a", "versionId=1"),
        (b"max-keys=&max-uploads=10", "max-keys=&max-uploads=10"),
    ],
)
def test_query_is_sorted_and_encoded_without_a_signature(query: bytes, canonical: str) -> None:
    assert canonical_query(query) == canonical


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (b"prefix=%FF", "is not UTF-8"),
        (b"prefix=\xff", "is not UTF-8"),
        (b"%ff", "is not UTF-8"),
        (b"prefix=a%00", "contains a NUL"),
        (b"prefix=%zz", "does not begin an escape"),
        (b"prefix=100%", "does not begin an escape"),
        (b"max-keys=x", "Provided max-keys not an integer"),
        (b"max-keys=-1", "Provided max-keys not an integer"),
        (b"uploads&max-uploads=1.0", "Provided max-uploads not an integer"),
        (b"max-keys=%D9%A1", "Provided max-keys not an integer"),
        (b"max-keys=" + b"9" * 5000, "Provided max-keys not an integer"),
    ],
)
def test_query_that_s3_refuses_is_refused(query: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        canonical_query(query)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [(b"/b/a b", "/b/a%20b"), (b"/b/a;b+c", "/b/a%3Bb%2Bc"), (b"/b/%7e%C3%BC", "/b/~%C3%BC"), (b"/b//x", "/b//x")],
)
def test_path_is_encoded_in_one_way(path: bytes, canonical: str) -> None:
    assert canonical_path(path) == canonical


def test_path_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ValueError, match="path of the URL is not UTF-8"):
        canonical_path(b"/b/%FF")


@given(st.binary(max_size=40))
def test_any_bytes_become_ascii_or_are_refused(data: bytes) -> None:
    for canonical in (canonical_path, canonical_query):
        try:
            assert canonical(data).isascii()
        except ValueError:
            continue
