"""The forms of an S3Uri that the service's pattern allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.s3_uri import S3Uri, parse_s3_uri
from processing_emulator.errors import Unsupported


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/k/l", "b", "k/l"),
        ("s3://b//k", "b", "/k"),
        ("s3://b/a%20b?c#d", "b", "a%20b?c#d"),
        ("https://s3.eu-west-1.amazonaws.com/b/k/l", "b", "k/l"),
        ("https://s3.eu-west-1.amazonaws.com/b", "b", ""),
        ("https://s3.eu-west-1.amazonaws.com/b/", "b", ""),
        ("https://s3.amazonaws.com/b/k", "b", "k"),
        ("https://s3-us-west-2.amazonaws.com/b/k", "b", "k"),
        ("https://b.s3.eu-west-1.amazonaws.com/k/l", "b", "k/l"),
        ("https://b.s3.eu-west-1.amazonaws.com", "b", ""),
        ("https://b.s3.amazonaws.com/k", "b", "k"),
        ("https://b.s3-us-west-2.amazonaws.com/k", "b", "k"),
        ("https://a.dotted.s3.bucket.s3.us-gov-west-1.amazonaws.com/k", "a.dotted.s3.bucket", "k"),
        ("https://b.s3.dualstack.us-east-1.amazonaws.com/k", "b", "k"),
        ("https://s3-fips.us-east-1.amazonaws.com/b/k", "b", "k"),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/k", "b", "k"),
        ("https://b.s3.us-east-1.amazonaws.com//k", "b", "/k"),
        ("https://b.s3.us-east-1.amazonaws.com/a%20b+c/%C3%BC%3F%23%25", "b", "a b+c/ü?#%"),
        ("https://B.S3.us-east-1.AMAZONAWS.com/K", "b", "K"),
    ],
)
def test_a_uri_has_a_bucket_and_an_optional_key(text: str, bucket: str, key: str) -> None:
    assert parse_s3_uri(text) == S3Uri(bucket, key)


@given(st.text(min_size=1).filter(lambda key: "\0" not in key))
def test_an_s3_uri_is_read_back_unchanged(key: str) -> None:
    uri = S3Uri("bkt", key)
    assert parse_s3_uri(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/b/k",
        "https://b.s3.us-east-1.amazonaws.com.example.com/k",
        "https://s3.us-east-1.amazonaws.com:443/b/k",
        "https://user@s3.us-east-1.amazonaws.com/b/k",
        "https://b.ec2.us-east-1.amazonaws.com/k",
        "https://b.s3-website-us-east-1.amazonaws.com/k",
        "https://b.s3-accelerate.amazonaws.com/k",
        "https://evils3.amazonaws.com/b/k",
        "https://localhost:9320/b/k",
        "http://s3.amazonaws.com/b/k",
        "b/k",
        "",
    ],
)
def test_other_hosts_and_schemes_are_refused(text: str) -> None:
    with pytest.raises(Unsupported, match="only s3:// URIs and https:// URIs of S3 itself"):
        parse_s3_uri(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://b.s3.us-east-1.amazonaws.com/k?X-Amz-Signature=1", "no query and no fragment"),
        ("https://b.s3.us-east-1.amazonaws.com/k#part", "no query and no fragment"),
        ("s3://", "names no bucket"),
        ("s3:///k", "names no bucket"),
        ("https://s3.us-east-1.amazonaws.com", "names no bucket"),
        ("https://s3.us-east-1.amazonaws.com//k", "names no bucket"),
        ("https://b.s3.us-east-1.amazonaws.com/%FF", "not UTF-8"),
        ("https://b.s3.us-east-1.amazonaws.com/a%00b", "NUL"),
    ],
)
def test_a_url_that_names_no_key_prefix_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        parse_s3_uri(text)
