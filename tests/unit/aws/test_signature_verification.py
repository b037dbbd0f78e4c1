"""Signatures made by botocore pass; a request that was changed afterwards, or signed in another way, is refused."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.aws.http.request_context import parse_authorization
from processing_emulator.aws.signatures.errors import Refusal, SignatureError
from processing_emulator.aws.signatures.verification import RequestHead, Rules, verify
from tests.unit.aws.aws_app import a_credential_store
from tests.unit.aws.signing import ACCESS_KEY, SECRET_KEY, Signer, signed_at, with_header

KEYS = a_credential_store({ACCESS_KEY: SECRET_KEY, "AKIAOTHER": "another secret"})
PLAIN = Rules(is_s3=False, window=timedelta(minutes=5))
S3 = Rules(is_s3=True, window=timedelta(minutes=15))
TARGET = {"X-Amz-Target": "SageMaker.ListTags", "Content-Type": "application/x-amz-json-1.1"}
BODY = b'{"a":1}'
NONE = timedelta()
EMPTY_SHA256 = hashlib.sha256().hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def check(request: RequestHead, payload: str, rules: Rules, now: datetime) -> None:
    """Verify a request as the middleware does."""
    headers = {name: value.decode("latin-1") for name, value in request.headers}
    verify(request, parse_authorization(headers, request.query), payload, KEYS, rules, now)


def refusal_of(
    request: RequestHead,
    payload: str = digest(BODY),
    *,
    rules: Rules = PLAIN,
    after: timedelta = NONE,
    at: RequestHead | None = None,
) -> Refusal | None:
    """Why a request is refused that arrives some time after it was signed."""
    try:
        check(request, payload, rules, signed_at(at or request) + after)
    except SignatureError as error:
        return error.refusal
    return None


@pytest.fixture(scope="module")
def signed() -> RequestHead:
    """A request of the JSON protocol."""
    return Signer().sign("POST", "/", TARGET, BODY)


def test_signed_request_passes(signed: RequestHead) -> None:
    assert refusal_of(signed) is None


def test_replay_within_the_window_passes_as_in_the_cloud(signed: RequestHead) -> None:
    assert refusal_of(signed, after=timedelta(minutes=5)) is None
    assert refusal_of(signed, after=timedelta(minutes=-5)) is None


def test_replay_after_the_window_is_refused_with_the_times(signed: RequestHead) -> None:
    now = signed_at(signed) + timedelta(minutes=5, seconds=1)

    with pytest.raises(SignatureError) as refused:
        check(signed, digest(BODY), PLAIN, now)

    was, earliest, present = (
        moment.strftime("%Y%m%dT%H%M%SZ") for moment in (signed_at(signed), now - timedelta(minutes=5), now)
    )
    assert refused.value.refusal is Refusal.EXPIRED_REQUEST
    assert refused.value.detail == f"Signature expired: {was} is now earlier than {earliest} ({present} - 5 min.)"


def test_signature_of_the_future_is_not_yet_current(signed: RequestHead) -> None:
    now = signed_at(signed) - timedelta(minutes=5, seconds=1)

    with pytest.raises(SignatureError) as refused:
        check(signed, digest(BODY), PLAIN, now)

    assert refused.value.detail.startswith("Signature not yet current: ")
    assert refused.value.detail.endswith(" + 5 min.)")


CHANGES: dict[str, Callable[[RequestHead], RequestHead]] = {
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
def test_signature_of_another_request_is_refused(signed: RequestHead, change: str) -> None:
    assert refusal_of(CHANGES[change](signed)) is Refusal.MISMATCH


def test_signature_of_another_body_is_refused(signed: RequestHead) -> None:
    assert refusal_of(signed, digest(b'{"a":2}')) is Refusal.MISMATCH


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-copy-source", "x-amz-meta-a"])
def test_headers_that_change_a_request_must_be_signed(signed: RequestHead, name: str) -> None:
    assert refusal_of(with_header(signed, name, "x")) is Refusal.MISMATCH


def test_headers_that_need_no_signature_may_be_added(signed: RequestHead) -> None:
    assert refusal_of(with_header(signed, "user-agent", "x")) is None


def test_spaces_in_headers_do_not_count(signed: RequestHead) -> None:
    request = Signer().sign("POST", "/", {**TARGET, "X-Amz-Meta": "a  b"}, BODY)

    assert refusal_of(with_header(request, "x-amz-meta", "a     b")) is None


def test_a_wrong_secret_key_is_a_mismatch() -> None:
    assert refusal_of(Signer(secret_key="wrong").sign("POST", "/", TARGET, BODY)) is Refusal.MISMATCH


@pytest.mark.parametrize("access_key", ["AKIANOBODY", "111122223333", "ASIAIOSFODNN7EXAMPLE"])
def test_access_key_that_is_not_configured_is_unknown(access_key: str) -> None:
    assert refusal_of(Signer(access_key=access_key).sign("POST", "/", TARGET, BODY)) is Refusal.UNKNOWN_KEY


def test_a_configured_key_has_no_session_token() -> None:
    assert refusal_of(Signer(token="x").sign("POST", "/", TARGET, BODY)) is Refusal.UNKNOWN_KEY


@pytest.mark.parametrize("is_presigned", [False, True])
def test_temporary_credentials_pass_until_they_expire(*, is_presigned: bool) -> None:
    present = signed_at(Signer().sign("GET", "/", {}))
    keys = KEYS.session_tokens.issue(account="111122223333", role="R", session="me", now=present, lifetime_seconds=900)
    signer = Signer(service="s3", access_key=keys.access_key, secret_key=keys.secret_key, token=keys.session_token)
    request = signer.presign("GET", "/b/k", 3600) if is_presigned else signer.sign("GET", "/b/k", {})
    payload = UNSIGNED_PAYLOAD if is_presigned else EMPTY_SHA256

    assert refusal_of(request, payload, rules=S3) is None
    assert refusal_of(request, payload, rules=S3, after=timedelta(seconds=902)) is Refusal.EXPIRED_SESSION


def test_temporary_credentials_need_their_token() -> None:
    keys = KEYS.session_tokens.issue(
        account="111122223333",
        role="R",
        session="me",
        now=signed_at(Signer().sign("GET", "/", {})),
        lifetime_seconds=900,
    )
    request = Signer(access_key=keys.access_key, secret_key=keys.secret_key).sign("POST", "/", TARGET, BODY)

    assert refusal_of(request) is Refusal.UNKNOWN_KEY
    assert refusal_of(with_header(request, "x-amz-security-token", keys.session_token)) is Refusal.MISMATCH


@pytest.mark.parametrize(
    ("authorization", "refusal"),
    [
        (None, Refusal.MISSING_TOKEN),
        ("", Refusal.MALFORMED),
        ("AWS AKIATESTS:abc", Refusal.MALFORMED),
        ("Bearer x", Refusal.MALFORMED),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", Refusal.MALFORMED),
        ("AWS4-HMAC-SHA256", Refusal.MALFORMED),
        ("AWS4-HMAC-SHA256 x", Refusal.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, Signature=0", Refusal.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", Refusal.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/s/x, SignedHeaders=host, Signature=0", Refusal.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=a/19990101/r/s/aws4_request, SignedHeaders=host, Signature=0", Refusal.MALFORMED),
    ],
)
def test_malformed_header_is_refused(signed: RequestHead, authorization: str | None, refusal: Refusal) -> None:
    assert refusal_of(with_header(signed, "authorization", authorization)) is refusal


@pytest.mark.parametrize("extra", ["Credential=999988887777/{}", "x=Credential=999988887777/{}"])
@pytest.mark.parametrize("in_front", [True, False])
def test_a_header_cannot_name_a_second_caller(signed: RequestHead, extra: str, *, in_front: bool) -> None:
    """The request context reads the account from the same header."""
    algorithm, _, rest = (signed.header(b"authorization") or "").partition(" ")
    second = extra.format("20260101/us-east-1/sagemaker/aws4_request")
    parts = f"{second}, {rest}" if in_front else f"{rest}, {second}"

    assert refusal_of(with_header(signed, "authorization", f"{algorithm} {parts}")) is Refusal.MALFORMED


def test_header_in_two_pieces_is_malformed(signed: RequestHead) -> None:
    """Or else the request would be served for the default account."""
    first, _, last = (signed.header(b"authorization") or "").rpartition(", ")
    rest = with_header(signed, "authorization", None)
    pieces = ((b"authorization", first.encode()), (b"authorization", last.encode()))

    assert refusal_of(replace(rest, headers=(*rest.headers, *pieces))) is Refusal.MALFORMED


@pytest.mark.parametrize("signature", ["", "0" * 64, "z", "\xe9" * 64])
def test_a_signature_that_cannot_be_one_is_refused(signed: RequestHead, signature: str) -> None:
    front, _, _ = (signed.header(b"authorization") or "").rpartition("=")
    headers = with_header(signed, "authorization", None).headers
    request = replace(signed, headers=(*headers, (b"authorization", f"{front}={signature}".encode("latin-1"))))

    assert refusal_of(request) is (Refusal.MISMATCH if signature else Refusal.MALFORMED)


def test_a_presigned_signature_that_cannot_be_one_is_refused() -> None:
    request = Signer(service="s3").presign("GET", "/b/k")
    front, _, _ = request.query.rpartition(b"=")

    assert refusal_of(replace(request, query=front + b"=%E9%BE%8D"), UNSIGNED_PAYLOAD, rules=S3) is Refusal.MISMATCH


@pytest.mark.parametrize("date", [None, "yesterday", "20260101", "20261399T250000Z"])
def test_a_signature_needs_a_moment(signed: RequestHead, date: str | None) -> None:
    assert refusal_of(with_header(signed, "x-amz-date", date), at=signed) is Refusal.MALFORMED


@pytest.mark.parametrize("changed", [b"X-Amz-Expires=60", b"prefix=a"])
def test_changed_presigned_url_is_refused(changed: bytes) -> None:
    request = Signer(service="s3").presign("GET", "/b?prefix=a")
    other = replace(request, query=request.query.replace(changed, changed.replace(b"a", b"b").replace(b"60", b"600")))

    assert refusal_of(request, UNSIGNED_PAYLOAD, rules=S3) is None
    assert other.query != request.query
    assert refusal_of(other, UNSIGNED_PAYLOAD, rules=S3) is Refusal.MISMATCH


def test_presigned_url_expires_when_it_says() -> None:
    request = Signer(service="s3").presign("GET", "/b/k", 3600)

    assert refusal_of(request, UNSIGNED_PAYLOAD, rules=S3, after=timedelta(hours=1)) is None
    assert (
        refusal_of(request, UNSIGNED_PAYLOAD, rules=S3, after=timedelta(hours=1, seconds=1)) is Refusal.EXPIRED_REQUEST
    )
    assert refusal_of(request, UNSIGNED_PAYLOAD, rules=S3, after=timedelta(minutes=-16)) is Refusal.EXPIRED_REQUEST


@pytest.mark.parametrize("expires", [604801, 10**9, -1])
def test_a_presigned_url_lasts_a_week_at_most(expires: int) -> None:
    request = Signer(service="s3").presign("GET", "/b/k", expires)

    assert refusal_of(request, UNSIGNED_PAYLOAD, rules=S3) is Refusal.MALFORMED


def test_a_url_of_signature_version_2_is_not_supported(signed: RequestHead) -> None:
    request = RequestHead(
        method="GET", path=b"/b/k", query=b"AWSAccessKeyId=a&Signature=b&Expires=1", headers=[(b"host", b"h")]
    )

    assert refusal_of(request, UNSIGNED_PAYLOAD, rules=S3, at=signed) is Refusal.MALFORMED


def test_a_signature_in_the_header_covers_the_whole_query() -> None:
    request = Signer(service="s3").sign("GET", "/b/k", {})

    assert refusal_of(replace(request, query=b"X-Amz-Signature=0"), EMPTY_SHA256, rules=S3) is Refusal.MISMATCH


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

    assert refusal_of(request, digest(body), rules=S3 if service == "s3" else PLAIN) is None


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

    assert refusal_of(request, payload, rules=S3 if service == "s3" else PLAIN) is None


@settings(deadline=None)
@given(
    header=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60).map("AWS4-HMAC-SHA256 ".__add__)
    | st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60),
    query=st.binary(max_size=60)
    | st.binary(max_size=20).map(b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=".__add__),
    path=st.binary(max_size=20),
)
def test_any_bytes_are_refused(signed: RequestHead, header: str, query: bytes, path: bytes) -> None:
    headers = (*with_header(signed, "authorization", None).headers, (b"authorization", header.encode("latin-1")))

    assert refusal_of(replace(signed, path=path, query=query, headers=headers), at=signed) is not None
    assert refusal_of(replace(signed, path=path, query=query, headers=headers[:-1]), at=signed) is not None


@pytest.mark.parametrize("character", [chr(code) for code in range(0x20, 0x7F)] + ["\t", "\n", "\r", "\x0b"])
def test_every_character_of_path_and_query_counts(character: str) -> None:
    """Also those that URL parsers strip, or that end a part of a URL for them."""
    request = Signer(service="s3").presign("GET", "/b/k?versionId=1")
    request = replace(request, query=b"&".join(reversed(request.query.split(b"&"))))  # the signature first
    more = character.encode()
    changed = (
        replace(request, path=request.path + more),
        replace(request, query=request.query + b"&" + more),
        replace(request, query=request.query + more),
        replace(request, query=request.query + more + b"&tagging"),
    )

    assert refusal_of(request, UNSIGNED_PAYLOAD, rules=S3) is None
    assert [refusal_of(other, UNSIGNED_PAYLOAD, rules=S3, at=request) for other in changed] == [Refusal.MISMATCH] * 4


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
@pytest.mark.parametrize("form", ["X-Amz-{}", "x-amz-{}", "X%2DAmz-{}"])
def test_a_repeated_parameter_of_the_signature_is_refused(name: str, form: str) -> None:
    request = Signer(service="s3").presign("GET", "/b/k")
    more = f"&{form.format(name)}=604800".encode()

    assert refusal_of(replace(request, query=request.query + more), UNSIGNED_PAYLOAD, rules=S3, at=request) is (
        Refusal.MALFORMED
    )


def test_a_repeated_security_token_is_refused() -> None:
    request = Signer(service="s3", token="token").presign("GET", "/b/k")

    assert refusal_of(replace(request, query=request.query + b"&X-Amz-Security-Token=other"), UNSIGNED_PAYLOAD) is (
        Refusal.MALFORMED
    )


@pytest.mark.parametrize("name", ["authorization", "x-amz-date"])
def test_a_repeated_header_of_the_signature_is_refused(signed: RequestHead, name: str) -> None:
    value = signed.header(name.encode()) or ""
    repeated = replace(signed, headers=(*signed.headers, (name.encode(), value.encode())))

    assert refusal_of(repeated) is Refusal.MALFORMED
