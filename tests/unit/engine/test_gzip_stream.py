"""Gzip files that are decompressed as they stream in."""

import gzip
import random

import pytest

from processing_emulator.engine.gzip_stream import gunzipped
from processing_emulator.errors import StagingFailure

TEXT = random.Random(1).randbytes(300_000) + b"line\n" * 100_000
MEMBERS = gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b"end") + bytes(1000)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 65_536, 10**8])
def test_the_content_does_not_depend_on_how_the_file_comes_in(size: int) -> None:
    small = gzip.compress(b"abc") + gzip.compress(b"def") + bytes(3)
    whole, content = (small, b"abcdef") if size == 1 else (MEMBERS, TEXT + b"end")

    assert b"".join(gunzipped(cut(whole, size), "f")) == content


def test_a_file_that_grows_a_thousandfold_comes_in_bounded_chunks() -> None:
    sizes = [len(chunk) for chunk in gunzipped([gzip.compress(bytes(50_000_000))], "f")]

    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 1024**2


def test_an_empty_file_has_no_content() -> None:
    assert b"".join(gunzipped([], "f")) == b""


@pytest.mark.parametrize("data", [b"\0\0\0", b"text", MEMBERS[:-1500], MEMBERS + b"x", b"\0" + MEMBERS])
def test_what_is_no_whole_gzip_file_is_an_error_with_its_name(data: bytes) -> None:
    with pytest.raises(StagingFailure, match=r"^s3://b/k cannot be decompressed as gzip: "):
        b"".join(gunzipped([data], "s3://b/k"))


@pytest.mark.parametrize("length", range(1, 23))
def test_a_file_that_is_cut_short_is_an_error(length: int) -> None:
    with pytest.raises(StagingFailure, match=r"it is cut short$"):
        b"".join(gunzipped([gzip.compress(b"abc")[:length]], "f"))
