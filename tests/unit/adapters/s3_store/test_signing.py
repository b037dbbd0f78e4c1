"""Our signatures equal those of botocore."""

import time
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from processing_emulator.adapters.s3_store.signing import Credentials, Signer, encoded_path, encoded_query

HOST = "127.0.0.1:9000"
STAMP = "20260314T150926Z"
NOW = time.strptime(STAMP, "%Y%m%dT%H%M%SZ")


def signer(session_token: str | None = None) -> Signer:
    credentials = Credentials(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI", session_token=session_token)
    return Signer(credentials, "eu-west-3", now=lambda: NOW)


def botocores_authorization(method: str, path: str, query: str, headers: dict[str, str]) -> str:
    auth = S3SigV4Auth(BotoCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI"), "s3", "eu-west-3")
    request = AWSRequest(method=method, url=f"http://{HOST}{path}" + (f"?{query}" if query else ""))
    for name, value in headers.items():
        request.headers[name] = value
    request.context.update(timestamp=STAMP, payload_signing_enabled=False)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    signed = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={signature}"


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize(
    ("method", "key", "query"),
    [
        ("GET", "plain", []),
        ("PUT", "in/ünï cödé +%&?=#/x", []),
        ("GET", "", [("prefix", "a b/+ü&%="), ("list-type", "2"), ("continuation-token", "x==")]),
        ("POST", "k", [("uploads", "")]),
    ],
)
def test_our_signature_equals_botocores(method: str, key: str, query: list[tuple[str, str]], token: str | None) -> None:
    path, encoded = encoded_path("bucket", key), encoded_query(query)
    headers = signer(token).headers(method, HOST, path, encoded)
    sent = {name: value for name, value in headers.items() if name != "authorization"}
    assert headers["authorization"] == botocores_authorization(method, path, encoded, sent)
    assert headers["x-amz-date"] == STAMP


def test_a_new_day_gets_a_new_signing_key() -> None:
    moments = iter([NOW, time.strptime("20260315", "%Y%m%d"), NOW])
    credentials = Credentials(access_key="a", secret_key="b")
    one = Signer(credentials, "eu-west-3", now=lambda: next(moments))
    first, second, third = (one.headers("GET", HOST, "/b", "")["authorization"] for _ in range(3))
    assert first == third
    assert "20260315/" in second


@pytest.mark.parametrize("key", ["a//b", "/leading", "trailing/", "x/../y", "./x", "a b+c%20", "ü", "\t\n\x01"])
def test_every_character_of_a_key_survives_in_the_path(key: str) -> None:
    path = encoded_path("bucket", key)
    assert unquote(path.removeprefix("/bucket/")) == key
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set(' ?#"<>')


def test_secrets_are_not_printed() -> None:
    printed = repr(SimpleNamespace(held=Credentials(access_key="a", secret_key="hidden", session_token="hidden-too")))
    assert "hidden" not in printed
