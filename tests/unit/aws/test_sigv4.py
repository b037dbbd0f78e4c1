"""Signatures made by botocore pass; whatever is changed on the way, or signed otherwise, does not."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processing_emulator.aws.signatures.credentials import KeyRing
from processing_emulator.aws.signatures.parsing import Flaw, Refused, SignedRequest
from processing_emulator.aws.signatures.verification import EMPTY_SHA256, UNSIGNED_PAYLOAD, Rules, verify

from tests.unit.aws.aws_app import a_keyring
from tests.unit.aws.signing import ACCESS_KEY, SECRET_KEY, Signer, signed_at, with_header

KEYS = a_keyring({ACCESS_KEY: SECRET_KEY, "AKIAOTHER": "another secret"})
PLAIN = Rules(is_s3=False, window=timedelta(minutes=5))
S3 = Rules(is_s3=True, window=timedelta(minutes=15))
TARGET = {"X-Amz-Target": "SageMaker.ListTags", "Content-Type": "application/x-amz-json-1.1"}
BODY = b'{"a":1}'
NONE = timedelta()


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def flaw_of(
    request: SignedRequest,
    payload: str = digest(BODY),
    *,
    keys: KeyRing = KEYS,
    rules: Rules = PLAIN,
    after: timedelta = NONE,
    at: SignedRequest | None = None,
) -> Flaw | None:
    """What is wrong with a request that comes in some time after it was signed."""
    try:
        verify(request, payload, keys, rules, signed_at(at or request) + after)
    except Refused as refused:
        return refused.flaw
    return None


@pytest.fixture(scope="module")
def signed() -> SignedRequest:
    """A request of the JSON protocol."""
    return Signer().sign("POST", "/", TARGET, BODY)


def test_a_rightly_signed_request_passes(signed: SignedRequest) -> None:
    assert flaw_of(signed) is None


def test_a_replay_passes_within_the_window_as_in_the_cloud(signed: SignedRequest) -> None:
    assert flaw_of(signed, after=timedelta(minutes=5)) is None
    assert flaw_of(signed, after=timedelta(minutes=-5)) is None


def test_a_replay_after_the_window_is_told_when_it_expired(signed: SignedRequest) -> None:
    now = signed_at(signed) + timedelta(minutes=5, seconds=1)

    with pytest.raises(Refused) as refused:
        verify(signed, digest(BODY), KEYS, PLAIN, now)

    was, earliest, present = (
        moment.strftime("%Y%m%dT%H%M%SZ") for moment in (signed_at(signed), now - timedelta(minutes=5), now)
    )
    assert refused.value.flaw is Flaw.EXPIRED
    assert refused.value.detail == f"Signature expired: {was} is now earlier than {earliest} ({present} - 5 min.)"


def test_a_signature_of_the_future_is_not_yet_current(signed: SignedRequest) -> None:
    now = signed_at(signed) - timedelta(minutes=5, seconds=1)

    with pytest.raises(Refused, match="not-yet") as refused:
        verify(signed, digest(BODY), KEYS, PLAIN, now)

    assert refused.value.detail.startswith("Signature not yet current: ")
    assert refused.value.detail.endswith(" + 5 min.)")


CHANGES: dict[str, Callable[[SignedRequest], SignedRequest]] = {
    "method": lambda r: replace(r, method="PUT"),
    "path": lambda r: replace(r, path=b"/x"),
    "query": lambda r: replace(r, query=b"x=1"),
    "target": lambda r: with_header(r, "x-amz-target", "SageMaker.DeleteTags"),
    "no target": lambda r: with_header(r, "x-amz-target", None),
    "content type": lambda r: with_header(r, "content-type", "application/x-amz-json-1.0"),
    "host": lambda r: with_header(r, "host", "localhost:9320"),
    "twice a header": lambda r: replace(r, headers=(*r.headers, (b"x-amz-target", b"SageMaker.AddTags"))),
    "stamp": lambda r: with_header(
        r,
        "x-amz-date",
        (signed_at(r) + timedelta(seconds=1 if signed_at(r).second < 59 else -1)).strftime("%Y%m%dT%H%M%SZ"),
    ),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_signature_goes_with_its_own_request_only(signed: SignedRequest, change: str) -> None:
    assert flaw_of(CHANGES[change](signed)) is Flaw.MISMATCH


def test_a_signature_goes_with_its_own_body_only(signed: SignedRequest) -> None:
    assert flaw_of(signed, digest(b'{"a":2}')) is Flaw.MISMATCH


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-copy-source", "x-amz-meta-a"])
def test_headers_that_change_a_request_must_be_signed(signed: SignedRequest, name: str) -> None:
    assert flaw_of(with_header(signed, name, "x")) is Flaw.HEADER_NOT_SIGNED


def test_headers_without_meaning_may_be_added(signed: SignedRequest) -> None:
    assert flaw_of(with_header(signed, "user-agent", "x")) is None


def test_spaces_in_headers_do_not_count(signed: SignedRequest) -> None:
    request = Signer().sign("POST", "/", {**TARGET, "X-Amz-Meta": "a  b"}, BODY)

    assert flaw_of(with_header(request, "x-amz-meta", "a     b")) is None


def test_a_wrong_secret_key_is_a_mismatch() -> None:
    assert flaw_of(Signer(secret_key="wrong").sign("POST", "/", TARGET, BODY)) is Flaw.MISMATCH


@pytest.mark.parametrize("access_key", ["AKIANOBODY", "111122223333", "ASIAIOSFODNN7EXAMPLE"])
def test_an_access_key_of_nobody_is_unknown(access_key: str) -> None:
    assert flaw_of(Signer(access_key=access_key).sign("POST", "/", TARGET, BODY)) is Flaw.UNKNOWN_KEY


def test_a_configured_key_has_no_session_token() -> None:
    assert flaw_of(Signer(token="x").sign("POST", "/", TARGET, BODY)) is Flaw.UNKNOWN_KEY


@pytest.mark.parametrize("is_presigned", [False, True])
def test_temporary_credentials_pass_until_they_expire(*, is_presigned: bool) -> None:
    present = signed_at(Signer().sign("GET", "/", {}))
    keys = KEYS.mint.issue(account="111122223333", role="R", session="me", now=present, lifetime_seconds=900)
    signer = Signer(service="s3", access_key=keys.access_key, secret_key=keys.secret_key, token=keys.session_token)
    request = signer.presign("GET", "/b/k", 3600) if is_presigned else signer.sign("GET", "/b/k", {})
    payload = UNSIGNED_PAYLOAD if is_presigned else EMPTY_SHA256

    assert flaw_of(request, payload, rules=S3) is None
    assert flaw_of(request, payload, rules=S3, after=timedelta(seconds=902)) is Flaw.SESSION_OVER


def test_temporary_credentials_need_their_token() -> None:
    keys = KEYS.mint.issue(
        account="111122223333",
        role="R",
        session="me",
        now=signed_at(Signer().sign("GET", "/", {})),
        lifetime_seconds=900,
    )
    request = Signer(access_key=keys.access_key, secret_key=keys.secret_key).sign("POST", "/", TARGET, BODY)

    assert flaw_of(request) is Flaw.UNKNOWN_KEY
    assert flaw_of(with_header(request, "x-amz-security-token", keys.session_token)) is Flaw.HEADER_NOT_SIGNED


@pytest.mark.parametrize(
    ("authorization", "flaw"),
    [
        (None, Flaw.MISSING),
        ("", Flaw.UNSUPPORTED),
        ("AWS AKIATESTS:abc", Flaw.UNSUPPORTED),
        ("Bearer x", Flaw.UNSUPPORTED),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", Flaw.UNSUPPORTED),
        ("AWS4-HMAC-SHA256", Flaw.INCOMPLETE),
        ("AWS4-HMAC-SHA256 x", Flaw.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, Signature=0", Flaw.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", Flaw.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/s/x, SignedHeaders=host, Signature=0", Flaw.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/19990101/r/s/aws4_request, SignedHeaders=host, Signature=0", Flaw.INCOMPLETE),
    ],
)
def test_a_malformed_header_is_told_apart(signed: SignedRequest, authorization: str | None, flaw: Flaw) -> None:
    assert flaw_of(with_header(signed, "authorization", authorization)) is flaw


@pytest.mark.parametrize("extra", ["Credential=999988887777/{}", "x=Credential=999988887777/{}"])
@pytest.mark.parametrize("in_front", [True, False])
def test_a_header_cannot_name_a_second_caller(signed: SignedRequest, extra: str, *, in_front: bool) -> None:
    """The front door reads the account from the same header: both must see the same one."""
    algorithm, _, rest = (signed.header(b"authorization") or "").partition(" ")
    second = extra.format("20260101/us-east-1/sagemaker/aws4_request")
    parts = f"{second}, {rest}" if in_front else f"{rest}, {second}"

    assert flaw_of(with_header(signed, "authorization", f"{algorithm} {parts}")) is Flaw.INCOMPLETE


def test_a_header_that_came_in_two_pieces_is_no_signature(signed: SignedRequest) -> None:
    """Whoever reads only one of them would see no caller, and take the request for the default account's."""
    first, _, last = (signed.header(b"authorization") or "").rpartition(", ")
    rest = with_header(signed, "authorization", None)
    pieces = ((b"authorization", first.encode()), (b"authorization", last.encode()))

    assert flaw_of(replace(rest, headers=(*rest.headers, *pieces))) is Flaw.INCOMPLETE


@pytest.mark.parametrize("signature", ["", "0" * 64, "z", "\xe9" * 64])
def test_a_signature_that_cannot_be_one_is_refused(signed: SignedRequest, signature: str) -> None:
    front, _, _ = (signed.header(b"authorization") or "").rpartition("=")
    headers = with_header(signed, "authorization", None).headers
    request = replace(signed, headers=(*headers, (b"authorization", f"{front}={signature}".encode("latin-1"))))

    assert flaw_of(request) is (Flaw.MISMATCH if signature else Flaw.INCOMPLETE)


def test_a_presigned_signature_that_cannot_be_one_is_refused() -> None:
    request = Signer(service="s3").presign("GET", "/b/k")
    front, _, _ = request.query.rpartition(b"=")

    assert flaw_of(replace(request, query=front + b"=%E9%BE%8D"), UNSIGNED_PAYLOAD, rules=S3) is Flaw.MISMATCH


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 99 Jan 2026 00:00:00 GMT"])
def test_a_date_that_is_none_is_no_moment(signed: SignedRequest, date: str) -> None:
    request = with_header(with_header(signed, "x-amz-date", None), "date", date)

    assert flaw_of(request, at=signed) is Flaw.INCOMPLETE


@pytest.mark.parametrize("date", [None, "yesterday", "20260101", "20261399T250000Z"])
def test_a_signature_needs_a_moment(signed: SignedRequest, date: str | None) -> None:
    assert flaw_of(with_header(signed, "x-amz-date", date), at=signed) is Flaw.INCOMPLETE


@pytest.mark.parametrize("changed", [b"X-Amz-Expires=60", b"prefix=a"])
def test_a_presigned_url_goes_as_it_is_or_not_at_all(changed: bytes) -> None:
    request = Signer(service="s3").presign("GET", "/b?prefix=a")
    other = replace(request, query=request.query.replace(changed, changed.replace(b"a", b"b").replace(b"60", b"600")))

    assert flaw_of(request, UNSIGNED_PAYLOAD, rules=S3) is None
    assert other.query != request.query
    assert flaw_of(other, UNSIGNED_PAYLOAD, rules=S3) is Flaw.MISMATCH


def test_a_presigned_url_ends_when_it_says() -> None:
    request = Signer(service="s3").presign("GET", "/b/k", 3600)

    assert flaw_of(request, UNSIGNED_PAYLOAD, rules=S3, after=timedelta(hours=1)) is None
    assert flaw_of(request, UNSIGNED_PAYLOAD, rules=S3, after=timedelta(hours=1, seconds=1)) is Flaw.URL_OVER
    assert flaw_of(request, UNSIGNED_PAYLOAD, rules=S3, after=timedelta(minutes=-16)) is Flaw.NOT_YET


@pytest.mark.parametrize("expires", [604801, 10**9, -1])
def test_a_presigned_url_lasts_a_week_at_most(expires: int) -> None:
    request = Signer(service="s3").presign("GET", "/b/k", expires)

    assert flaw_of(request, UNSIGNED_PAYLOAD, rules=S3) is Flaw.BAD_EXPIRES


def test_a_url_of_signature_version_2_is_not_supported(signed: SignedRequest) -> None:
    request = SignedRequest(
        method="GET", path=b"/b/k", query=b"AWSAccessKeyId=a&Signature=b&Expires=1", headers=[(b"host", b"h")]
    )

    assert flaw_of(request, UNSIGNED_PAYLOAD, rules=S3, at=signed) is Flaw.UNSUPPORTED


def test_a_signature_in_the_header_covers_the_whole_query() -> None:
    request = Signer(service="s3").sign("GET", "/b/k", {})

    assert flaw_of(replace(request, query=b"X-Amz-Signature=0"), EMPTY_SHA256, rules=S3) is Flaw.MISMATCH


texts = st.text(st.characters(codec="utf-8"), max_size=12)
header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@settings(deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    segments=st.lists(texts, max_size=4),
    query=st.lists(st.tuples(texts, texts), max_size=4),
    headers=st.dictionaries(st.sampled_from(["X-Amz-Meta-A", "Content-Type", "x-amz-acl", "Range"]), header_values),
    body=st.binary(max_size=20),
    service=st.sampled_from(["s3", "sagemaker", "sts"]),
)
def test_whatever_botocore_signs_passes(
    method: str,
    segments: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    service: str,
) -> None:
    url = "/" + "/".join(quote(segment, safe="~") for segment in segments)
    if query:
        url += "?" + "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)
    request = Signer(service=service).sign(method, url, headers, body)

    assert flaw_of(request, digest(body), rules=S3 if service == "s3" else PLAIN) is None


@settings(deadline=None)
@given(
    segments=st.lists(texts.filter(bool), min_size=1, max_size=4), query=st.lists(st.tuples(texts, texts), max_size=3)
)
@pytest.mark.parametrize("service", ["s3", "sts"])
def test_whatever_botocore_presigns_passes(service: str, segments: list[str], query: list[tuple[str, str]]) -> None:
    url = "/" + "/".join(quote(segment, safe="~") for segment in segments) if service == "s3" else "/"
    if query:
        url += "?" + "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)
    request = Signer(service=service).presign("GET", url)
    payload = UNSIGNED_PAYLOAD if service == "s3" else EMPTY_SHA256

    assert flaw_of(request, payload, rules=S3 if service == "s3" else PLAIN) is None


@settings(deadline=None)
@given(
    header=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60).map("AWS4-HMAC-SHA256 ".__add__)
    | st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60),
    query=st.binary(max_size=60)
    | st.binary(max_size=20).map(b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=".__add__),
    path=st.binary(max_size=20),
)
def test_any_bytes_are_refused_with_a_verdict(signed: SignedRequest, header: str, query: bytes, path: bytes) -> None:
    headers = (*with_header(signed, "authorization", None).headers, (b"authorization", header.encode("latin-1")))

    assert flaw_of(replace(signed, path=path, query=query, headers=headers), at=signed) is not None
    assert flaw_of(replace(signed, path=path, query=query, headers=headers[:-1]), at=signed) is not None
