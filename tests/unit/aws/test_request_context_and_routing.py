"""The caller of a request, its protocol, and the host guard."""

from typing import Any

import pytest

from processing_emulator.aws.http.host_and_origin_guard import HostGuard
from processing_emulator.aws.http.request_context import (
    Authorization,
    CredentialScope,
    RequestContext,
    context_of,
    parse_authorization,
)
from processing_emulator.aws.http.routing import Protocol, protocol_of
from processing_emulator.aws.protocols.wire_errors import BadCredentialScope
from tests.unit.aws.aws_app import a_credential_store

SIGNATURE = "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{}/aws4_request, SignedHeaders=host, Signature=0"


def context(authorization: str = "", query: bytes = b"") -> RequestContext:
    """The context of a request with this Authorization header, or this query."""
    headers = {b"authorization": authorization} if authorization else {}
    return context_of(parse_authorization(headers, query), "id", a_credential_store().account_of)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", {}),
        ("Bearer x", {}),
        ("AWS4-HMAC-SHA256 nonsense", {}),
        ("AWS AKIA:c2lnbmF0dXJl", {}),
        (SIGNATURE.format("AKIA", "eu-west-1", "sagemaker/x"), {}),
        (SIGNATURE.format("", "eu-west-1", "sagemaker"), {}),
        (
            SIGNATURE.format("AKIA", "eu-west-1", "sagemaker"),
            {"region": "eu-west-1", "service": "sagemaker", "access_key": "AKIA"},
        ),
        (
            SIGNATURE.format("111122223333", "us-gov-west-1", "s3"),
            {"account": "111122223333", "region": "us-gov-west-1", "service": "s3", "access_key": "111122223333"},
        ),
        (SIGNATURE.format("11112222333", "us-east-1", "sts"), {"service": "sts", "access_key": "11112222333"}),
        (SIGNATURE.format("\u0661" * 12, "us-east-1", "sts"), {"service": "sts", "access_key": "\u0661" * 12}),
    ],
)
def test_account_and_region_come_from_the_credential_scope(authorization: str, expected: dict[str, Any]) -> None:
    assert context(authorization) == RequestContext(request_id="id", **expected)


def test_an_authorization_header_that_names_two_credentials_names_none() -> None:
    twice = SIGNATURE.format("000000000002", "eu-west-1", "sagemaker")
    assert context(f"{twice}, Credential=000000000001/20260101/us-east-1/sts/aws4_request") == RequestContext(
        request_id="id"
    )


def test_an_authorization_header_is_parsed_into_its_parts() -> None:
    header = (
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/sagemaker/aws4_request,"
        "SignedHeaders=host;x-amz-date, Signature=0f"
    )

    authorization = parse_authorization(
        {b"authorization": header, b"x-amz-date": "20260101T000000Z", b"x-amz-security-token": "token"}, b""
    )

    assert authorization == Authorization(
        algorithm="AWS4-HMAC-SHA256",
        credential=CredentialScope(access_key="AKIA", date="20260101", region="eu-west-1", service="sagemaker"),
        signed_headers=("host", "x-amz-date"),
        signature="0f",
        timestamp="20260101T000000Z",
        session_token="token",
    )
    assert "token" not in repr(authorization)


def test_a_presigned_url_is_parsed_into_the_same_parts() -> None:
    query = (
        b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request"
        b"&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0f"
        b"&X-Amz-Security-Token=a%2Bb"
    )

    assert parse_authorization({}, query) == Authorization(
        algorithm="AWS4-HMAC-SHA256",
        credential=CredentialScope(access_key="AKIA", date="20260101", region="eu-west-1", service="s3"),
        signed_headers=("host",),
        signature="0f",
        timestamp="20260101T000000Z",
        session_token="a+b",
        expires="60",
        is_presigned=True,
    )
    assert context(query=query).session_token == "a+b"
    assert context("Bearer x", query=query) == RequestContext(request_id="id")


@pytest.mark.parametrize("query", [b"", b"list-type=2", b"X-Amz-Meta=1", b"\xff=%ff"])
def test_a_query_without_a_signature_is_none(query: bytes) -> None:
    assert parse_authorization({}, query) is None


def test_defaults_are_the_emulator_s_account_and_region() -> None:
    assert (RequestContext().account, RequestContext().region) == ("000000000000", "us-east-1")


@pytest.mark.parametrize("region", ["", "US-EAST-1", "..", "a:b", "x" * 33, "r\xe9gion"])
def test_a_region_that_makes_no_arn_is_refused(region: str) -> None:
    with pytest.raises(BadCredentialScope, match="valid region"):
        context(SIGNATURE.format("a", region, "sagemaker"))


FORM = {b"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
TARGET = {b"x-amz-target": "SageMaker.ListTags"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "service", "protocol"),
    [
        ("GET", "/_emulator/health", {}, "", Protocol.ADMIN),
        ("GET", "/_emulator", TARGET, "", Protocol.ADMIN),
        ("GET", "/_emulators/x", {}, "", Protocol.S3),
        ("POST", "/", TARGET, "sagemaker", Protocol.JSON),
        ("POST", "/any", {b"x-amz-target": ""}, "", Protocol.JSON),
        ("POST", "/", FORM, "sts", Protocol.QUERY),
        ("POST", "/", FORM, "", Protocol.QUERY),
        ("POST", "/bucket", FORM, "s3", Protocol.S3),
        (
            "POST",
            "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            {b"smithy-protocol": "rpc-v2-cbor"},
            "monitoring",
            Protocol.RPC_CBOR,
        ),
        ("GET", "/2015-03-31/functions", {}, "lambda", Protocol.REST),
        ("POST", "/", {}, "sagemaker", Protocol.REST),
        ("GET", "/", {}, "", Protocol.S3),
        ("PUT", "/bucket/key", {b"content-type": "application/json"}, "s3", Protocol.S3),
        ("GET", "/bucket/key", {}, "s3express", Protocol.S3),
    ],
)
def test_each_request_has_its_protocol(
    method: str, path: str, headers: dict[bytes, str], service: str, protocol: Protocol
) -> None:
    assert protocol_of(method, path, headers, service, b"") is protocol


GUARD = HostGuard(("172.17.0.1", "Emulator", ".emulator.test"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9320",
        "127.8.8.8:1",
        "[::1]:9320",
        "[::1]",
        "localhost:9320",
        "LOCALHOST",
        "bucket.localhost:9320",
        "172.17.0.1:9320",
        "emulator",
        "EMULATOR:80",
        "bucket.emulator.test",
    ],
)
def test_loopback_and_the_names_given_are_allowed(host: str) -> None:
    assert GUARD.refusal([host], []) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:9320",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "xlocalhost",
        "172.17.0.2",
        "192.168.1.5:9320",
        "0.0.0.0:9320",
        "[::2]",
        "[",
        "",
        "emulator.test.evil",
    ],
)
def test_foreign_hosts_are_refused_with_a_sentence(host: str) -> None:
    refusal = GUARD.refusal([host], [])

    assert refusal is not None
    assert refusal.startswith("The Host header ")


def test_a_second_host_header_does_not_hide_behind_the_first() -> None:
    assert GUARD.refusal(["localhost", "evil.test"], []) is not None


def test_a_request_without_host_is_allowed_by_the_guard() -> None:
    assert GUARD.refusal([], []) is None


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9320", "https://127.0.0.1:9320"])
def test_pages_of_this_server_are_allowed(origin: str) -> None:
    assert GUARD.refusal(["127.0.0.1:9320"], [origin]) is None


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.test", "http://127.0.0.1:3000", "http://localhost:9320", "http://127.0.0.1:9320.evil"],
)
def test_pages_of_other_sites_are_refused(origin: str) -> None:
    refusal = GUARD.refusal(["127.0.0.1:9320"], [origin])

    assert refusal is not None
    assert "another site" in refusal


def test_an_origin_without_host_is_refused() -> None:
    assert GUARD.refusal([], ["http://localhost"]) is not None


@pytest.mark.parametrize("path", ["/_emulator/health", "/_localstack/health", "/_localstack"])
def test_paths_that_cannot_be_buckets_are_the_emulator_s_own(path: str) -> None:
    assert protocol_of("GET", path, {}, "s3", b"") is Protocol.ADMIN


@pytest.mark.parametrize("path", ["/health", "/moto-api", "/moto-api/other", "/_localstack-x/key"])
def test_paths_that_may_be_buckets_go_to_s3(path: str) -> None:
    assert protocol_of("POST", path, {}, "", b"") is Protocol.S3


def test_moto_s_reset_path_is_used_only_where_s3_has_no_such_request() -> None:
    reset = "/moto-api/reset"
    assert protocol_of("POST", reset, {}, "", b"") is Protocol.ADMIN
    assert protocol_of("POST", reset, {b"authorization": "AWS4-HMAC-SHA256 ..."}, "s3", b"") is Protocol.S3
    assert protocol_of("POST", reset, {}, "", b"uploads") is Protocol.S3
    assert {protocol_of(method, reset, {}, "", b"") for method in ("GET", "HEAD", "PUT")} == {Protocol.S3}
