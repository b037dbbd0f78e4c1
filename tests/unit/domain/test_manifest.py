"""Reading the manifest of a ManifestFile input (spec 3.2)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.manifest import Manifest, parse_manifest
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.errors import StagingFailure

URI = S3Uri("meta", "m.json")
PREFIX = {"prefix": "s3://bkt/some/"}


def parsed(*elements: object) -> Manifest:
    return parse_manifest(json.dumps(elements).encode(), URI)


def refusal_of(content: bytes) -> str:
    """The text of the failure, behind the name of the manifest."""
    with pytest.raises(StagingFailure) as failure:
        parse_manifest(content, URI)
    name, _, text = str(failure.value).partition(": ")
    assert name == "manifest s3://meta/m.json"
    return text


def test_keys_are_prefix_and_suffix_and_paths_are_the_suffix() -> None:
    assert parsed(PREFIX, "a.csv", "deep/er/b.csv", "empty/") == Manifest(
        bucket="bkt", paths={"some/a.csv": "a.csv", "some/deep/er/b.csv": "deep/er/b.csv", "some/empty/": "empty"}
    )


@pytest.mark.parametrize(
    ("prefix", "suffix", "key", "path"),
    [
        ("s3://bkt/train-", "1.csv", "train-1.csv", "1.csv"),
        ("s3://bkt/some", "/a.csv", "some/a.csv", "a.csv"),
        ("s3://bkt", "/a.csv", "a.csv", "a.csv"),
        ("s3://bkt/", "a b%20ü?", "a b%20ü?", "a b%20ü?"),
    ],
)
def test_prefix_and_suffix_are_joined_as_strings(prefix: str, suffix: str, key: str, path: str) -> None:
    assert parsed({"prefix": prefix}, suffix) == Manifest(bucket="bkt", paths={key: path})


def test_a_key_that_is_listed_twice_counts_once() -> None:
    assert list(parsed(PREFIX, "a", "b", "a").paths) == ["some/a", "some/b"]


def test_a_byte_order_mark_is_ignored() -> None:
    content = json.dumps([PREFIX, "a"]).encode("utf-8-sig")

    assert parse_manifest(content, URI).paths == {"some/a": "a"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "it is not JSON"),
        (b"a.csv\nb.csv\n", "it is not JSON"),
        (b'[{"prefix": "s3://bkt/"}, "a"', "it is not JSON"),
        (b'{"source-ref": "s3://bkt/a"}\n{"source-ref": "s3://bkt/b"}', "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (json.dumps([PREFIX, "a"]).encode("utf-16"), "it is not UTF-8"),
        (b"{}", "it is not a JSON array with elements"),
        (b"[]", "it is not a JSON array with elements"),
        (b'"a"', "it is not a JSON array with elements"),
        (b'["a", "b"]', "its first element must be"),
        (b"[null]", "its first element must be"),
        (b'[{"prefix": 1}, "a"]', "its first element must be"),
        (b'[{"prefix": "s3://bkt/", "bucket": "other"}, "a"]', "its first element must be"),
        (b'[{"prefix": "s3://bkt/"}]', "it lists no objects after its prefix"),
        (b'[{"prefix": "s3://bkt/"}, "a", 1]', "element 3 is not a string"),
        (b'[{"prefix": "s3://bkt/"}, {"prefix": "s3://other/"}, "a"]', "element 2 is not a string"),
        (b'[{"prefix": ""}, "a"]', "the prefix '' is no s3:// URI"),
        (b'[{"prefix": "some/prefix/"}, "a"]', "the prefix 'some/prefix/' is no s3:// URI"),
        (b'[{"prefix": "s3://"}, "a"]', "the prefix 's3://' cannot be used: it names no bucket"),
        (b'[{"prefix": "https://b.s3.amazonaws.com/"}, "a"]', "is no s3:// URI"),
    ],
)
def test_a_document_of_another_form_is_refused_with_its_fault(content: bytes, text: str) -> None:
    assert text in refusal_of(content)


@pytest.mark.parametrize(
    ("prefix", "suffix", "text"),
    [
        ("s3://bkt/some/", "../x", "object key 'some/../x' has a segment that is no file name"),
        ("s3://bkt/some/", "a/../../x", "has a segment that is no file name"),
        ("s3://bkt/some/", "./x", "has a segment that is no file name"),
        ("s3://bkt/some", "/..", "has a segment that is no file name"),
        ("s3://bkt/some/", "a\0b", "has a segment that is no file name"),
        ("s3://bkt/some/", "/etc/passwd", "the suffix '/etc/passwd' is absolute"),
        ("s3://bkt/some/", "", "the suffix is empty"),
        ("s3://bkt/some/", "s3://other/a", "is a whole URI"),
        ("s3://bkt/some/", "https://s3.amazonaws.com/bkt/a", "is a whole URI"),
        ("s3://bkt", "2/a", "leads to the bucket 'bkt2'; the prefix is in 'bkt'"),
        ("s3://bkt", "a", "leads to the bucket 'bkta'; the prefix is in 'bkt'"),
        ("s3://bkt/some/", "n" * 256, "has a segment longer than 255 bytes"),
        ("s3://bkt/some/", "n/" * 600, "makes a key longer than 1024 bytes"),
        ("s3://bkt/some/", "\ud800", "is not valid Unicode"),
    ],
)
def test_a_suffix_that_cannot_be_a_file_is_refused_with_its_number(prefix: str, suffix: str, text: str) -> None:
    refusal = refusal_of(json.dumps([{"prefix": prefix}, suffix]).encode())

    assert refusal.startswith("element 2: ")
    assert text in refusal


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["s3://bkt/", "..", "/"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["prefix", "x"]) | st.text(max_size=2), inner, max_size=2)
    ),
)


@given(JSON.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=40))
def test_any_content_is_a_manifest_or_a_sentence(content: bytes) -> None:
    try:
        manifest = parse_manifest(content, URI)
    except StagingFailure as failure:
        str(failure).encode()
    else:
        assert all(".." not in path.split("/") and not path.startswith("/") for path in manifest.paths.values())
