"""What a request of S3 is about, read from its head."""

from typing import Any

import pytest

from processing_emulator.aws.s3.target import Target, subresources_of, target_of


def a_scope(path: bytes = b"/", query: bytes = b"", **headers: bytes) -> dict[str, Any]:
    named = [(name.encode(), value) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "raw_path": path, "query_string": query, "headers": named}


@pytest.mark.parametrize(
    ("path", "host", "target"),
    [
        (b"/", b"localhost:9320", Target("", "")),
        (b"/bkt", b"localhost:9320", Target("bkt", "")),
        (b"/bkt/", b"127.0.0.1", Target("bkt", "")),
        (b"/bkt/a/b%20c", b"127.0.0.1:1", Target("bkt", "a/b c")),
        (b"/", b"bkt.localhost:9320", Target("bkt", "")),
        (b"/a/b", b"bkt.localhost", Target("bkt", "a/b")),
        (b"/bkt", b"[::1]:9320", Target("bkt", "")),
    ],
)
def test_target_is_in_the_path_or_below_localhost(path: bytes, host: bytes, target: Target) -> None:
    assert target_of(a_scope(path, host=host)) == target


@pytest.mark.parametrize(
    ("query", "subresources"),
    [
        (b"", set()),
        (b"location", {"location"}),
        (b"acl=&x-id=GetBucketAcl", {"acl"}),
        (b"X-Amz-Algorithm=a&X-Amz-Credential=b&x-amz-acl=private", set()),
        (b"AWSAccessKeyId=a&Signature=b&Expires=1", set()),
    ],
)
def test_signature_is_no_subject(query: bytes, subresources: set[str]) -> None:
    assert subresources_of(a_scope(query=query)) == subresources
