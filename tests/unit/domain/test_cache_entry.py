"""Names of the cache's files, and which versions of objects are told apart."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.cache_entry import CacheEntry, digest_of, md5_of, parse_entry
from processing_emulator.domain.staging import StoredObject

OBJECT = StoredObject(bucket="bkt", key="in/a", size_bytes=3, etag="e1")


@given(
    digest=st.text("0123456789abcdef", min_size=40, max_size=40),
    numbers=st.tuples(*[st.integers(0, 2**63)] * 3),
    modified_ns=st.integers(-(2**63), 2**63),
)
def test_name_of_an_entry_says_everything(digest: str, numbers: tuple[int, int, int], modified_ns: int) -> None:
    size, inode, kept = numbers
    entry = CacheEntry(digest=digest, size_bytes=size, modified_ns=modified_ns, inode=inode, kept_at=kept)

    assert parse_entry(entry.name) == entry
    assert entry.disk_bytes >= max(1, size)
    assert "/" not in entry.name
    assert len(entry.name) < 255


@pytest.mark.parametrize("name", ["", "x", "." * 5, "0" * 40, "0" * 40 + ".1.2.3.4.5", "G" * 40 + ".1.2.3.4"])
def test_other_names_are_no_entries(name: str) -> None:
    assert parse_entry(name) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(OBJECT, bucket="bkt2"),
        replace(OBJECT, key="in/b"),
        replace(OBJECT, size_bytes=4),
        replace(OBJECT, etag="e2"),
        replace(OBJECT, etag="e1\x003", size_bytes=3),
    ],
)
def test_other_version_has_another_digest(other: StoredObject) -> None:
    assert digest_of("http://s3", OBJECT) != digest_of("http://s3", other)


def test_same_version_has_one_digest_per_store_whenever_it_was_written() -> None:
    again = replace(OBJECT, modified_at=datetime.now(UTC))

    assert digest_of("http://s3", OBJECT) == digest_of("http://s3", again)
    assert digest_of("http://s3", OBJECT) != digest_of("http://other", OBJECT)


def test_object_without_etag_has_none() -> None:
    assert digest_of("http://s3", replace(OBJECT, etag="")) is None


@pytest.mark.parametrize(
    ("etag", "md5"),
    [("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"), ("d41d8cd9-2", None), ("", None)],
)
def test_etag_of_a_multipart_upload_is_no_md5(etag: str, md5: str | None) -> None:
    assert md5_of(etag) == md5
