"""Uploads by an HTML form, as boto3 presigns them. MinIO, which checks the signature too, is held to the same answers.

What S3 answers: "POST Object" and "POST Policy" in its API reference.
"""

import re
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fixtures_s3 import S3Server, make_bucket
from tests.integration.s3.through import embedded, passed_through
from tests.stub_store import http as answer_of
from tests.stub_store import in_turn, stub_store
from tests.waiting import wait_for

pytestmark = pytest.mark.s3

MIB = 1024**2
BOUNDARY = "----formboundary"


class Forms:
    """A bucket, and forms sent to it."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url
        self.bucket = make_bucket(client)

    def presigned(self, key: str, **asked: Any) -> dict[str, str]:
        fields: dict[str, str] = self.client.generate_presigned_post(self.bucket, key, **asked)["fields"]
        return fields

    def stored(self, key: str) -> Any:
        return self.client.get_object(Bucket=self.bucket, Key=key)

    def send(
        self, fields: Mapping[str, str], content: bytes = b"content", *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        return self.send_body(form_of(fields, content), headers=headers)

    def send_body(
        self, body: bytes, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        sent = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **(headers or {})}
        request = urllib.request.Request(f"{self.url}/{self.bucket}", body, sent, method="POST")
        with urllib.request.build_opener(_AnyStatus()).open(request, timeout=60) as answer:
            return answer.status, answer.read(), answer.headers


class _FixedClock:
    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return 0.0


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """Takes every answer as it is, and follows nowhere."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


def form_of(fields: Mapping[str, str], content: bytes, filename: str = "local name.bin") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    return "".join([*parts, head, "Content-Type: text/x-of-the-part\r\n\r\n"]).encode() + (
        content + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


@pytest.fixture(params=["seaweedfs", "minio"])
def forms(request: pytest.FixtureRequest) -> Iterator[Forms]:
    server: S3Server = request.getfixturevalue(request.param)
    adapt = embedded() if request.param == "seaweedfs" else None
    with (
        passed_through(server.endpoint, adapt=adapt) as url,
        server.client(url, signature_version="s3v4") as client,
    ):
        yield Forms(client, url)


@pytest.fixture
def our_forms(seaweedfs: S3Server) -> Iterator[Forms]:
    """The embedded store alone."""
    with passed_through(seaweedfs.endpoint, adapt=embedded()) as url, seaweedfs.client(url) as client:
        yield Forms(client, url)


def code_of(document: bytes) -> str:
    found = re.search(rb"<Code>(\w+)</Code>", document)
    return found[1].decode() if found else ""


@pytest.mark.parametrize("content", [b"", b"content", b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n" * 3])
def test_form_is_stored(forms: Forms, content: bytes) -> None:
    status, body, headers = forms.send(forms.presigned("a/sp ace+ü%2F"), content)
    assert (status, body) == (204, b"")
    stored = forms.stored("a/sp ace+ü%2F")
    assert (stored["Body"].read(), stored["ETag"]) == (content, headers["ETag"])


def test_form_of_the_older_signature_is_stored(our_forms: Forms) -> None:
    fields = our_forms.presigned("k")
    assert "AWSAccessKeyId" in fields
    assert our_forms.send(fields)[0] == 204
    assert our_forms.stored("k")["Body"].read() == b"content"


def test_large_file_comes_through_whole(forms: Forms) -> None:
    content = bytes(range(256)) * (16 * MIB // 256)
    assert forms.send(forms.presigned("large"), content)[0] == 204
    assert forms.stored("large")["Body"].read() == content


def test_fields_become_the_objects_headers(forms: Forms) -> None:
    asked = {"Content-Type": "text/x-odd", "Cache-Control": "no-store", "x-amz-meta-who": "me"}
    fields = forms.presigned("k", Fields=asked, Conditions=[{name: value} for name, value in asked.items()])
    assert forms.send(fields, headers={"Content-Language": "of the form", "X-Amz-Meta-Odd": "of the form"})[0] == 204
    stored = forms.stored("k")
    assert (stored["ContentType"], stored["CacheControl"]) == ("text/x-odd", "no-store")
    assert stored["Metadata"] == {"who": "me"}
    assert "ContentLanguage" not in stored


def test_name_of_the_file_takes_the_place_of_its_variable(forms: Forms) -> None:
    fields = forms.presigned("in/${filename}")
    assert forms.send_body(form_of(fields, b"x", filename="data.csv"))[0] == 204
    assert forms.stored("in/data.csv")["Body"].read() == b"x"


def test_status_that_was_asked_for_comes_with_a_document(forms: Forms) -> None:
    asked = {"success_action_status": "201"}
    status, body, headers = forms.send(forms.presigned("a/k", Fields=asked, Conditions=[asked]))
    assert status == 201
    assert f"<Bucket>{forms.bucket}</Bucket><Key>a/k</Key>".encode() in body
    assert headers["Content-Type"].startswith("application/xml")
    assert headers["Location"].endswith(f"/{forms.bucket}/a/k")


def test_browser_is_sent_where_the_form_says(forms: Forms) -> None:
    asked = {"success_action_redirect": "http://localhost:1/done"}
    status, _, headers = forms.send(forms.presigned("k", Fields=asked, Conditions=[asked]))
    assert status == 303
    place = urlsplit(headers["Location"])
    assert (place.netloc, place.path) == ("localhost:1", "/done")
    query = parse_qs(place.query)
    assert (query["bucket"], query["key"]) == ([forms.bucket], ["k"])
    assert query["etag"][0].strip('"') == headers["ETag"].strip('"')


@pytest.mark.parametrize(
    ("conditions", "changes", "refusal"),
    [
        ([], {"key": "another"}, (403, "AccessDenied")),
        ([["starts-with", "$Content-Type", "image/"]], {"Content-Type": "text/plain"}, (403, "AccessDenied")),
        ([], {"x-amz-meta-unnamed": "x"}, (403, "AccessDenied")),
        ([["content-length-range", 1, 6]], {}, (400, "EntityTooLarge")),
        ([["content-length-range", 8, 100]], {}, (400, "EntityTooSmall")),
    ],
    ids=["key", "prefix", "extra", "large", "small"],
)
def test_form_against_its_policy_is_refused_and_not_stored(
    forms: Forms, conditions: list[Any], changes: dict[str, str], refusal: tuple[int, str]
) -> None:
    status, body, _ = forms.send({**forms.presigned("k", Conditions=conditions), **changes})
    assert (status, code_of(body)) == refusal
    assert "Contents" not in forms.client.list_objects_v2(Bucket=forms.bucket)


def test_size_at_both_ends_of_its_range_is_stored(forms: Forms) -> None:
    fields = forms.presigned("k", Conditions=[["content-length-range", 7, 7]])
    assert forms.send(fields)[0] == 204


def test_policy_is_over_in_time(seaweedfs: S3Server) -> None:
    clock = _FixedClock(datetime.now(UTC) + timedelta(hours=2))
    adapt = embedded(clock=clock)
    with passed_through(seaweedfs.endpoint, adapt=adapt) as url, seaweedfs.client(url) as client:
        forms = Forms(client, url)
        assert forms.send(forms.presigned("k", ExpiresIn=7205))[0] == 204
        status, body, _ = forms.send(forms.presigned("k", ExpiresIn=7195))
        assert (status, code_of(body), b"Policy expired" in body) == (403, "AccessDenied", True)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"no form", (400, "MalformedPOSTRequest")),
        (form_of({"key": "k"}, b"x")[:-12], (400, "MalformedPOSTRequest")),
        (form_of({}, b"x"), (400, "InvalidArgument")),
        (form_of({"key": "k"}, b"x").replace(b'"file"', b'"other"'), (400, "InvalidArgument")),
        (form_of({"key": "k", "policy": "e30="}, b"x"), (400, "InvalidPolicyDocument")),
        (form_of({"key": "k", "policy": "no base64!"}, b"x"), (400, "InvalidPolicyDocument")),
        (form_of({"key": "k", "x-amz-meta-a b": "x"}, b"x"), (400, "InvalidArgument")),
        (form_of({"key": "k", "cache-control": "a\r\nb"}, b"x"), (400, "InvalidArgument")),
        (form_of({"key": "k", "tagging": "<Tagging/>"}, b"x"), (400, "InvalidArgument")),
        (form_of({"key": "k", "x-ignore-a": "x" * 20480}, b"x"), (400, "MaxPostPreDataLengthExceeded")),
    ],
    ids=["no-form", "cut", "no-key", "no-file", "policy", "base64", "name", "value", "tagging", "long"],
)
def test_form_that_is_none_is_refused_and_not_stored(our_forms: Forms, body: bytes, refusal: tuple[int, str]) -> None:
    status, document, _ = our_forms.send_body(body)
    assert (status, code_of(document)) == refusal
    assert "Contents" not in our_forms.client.list_objects_v2(Bucket=our_forms.bucket)


def test_what_follows_the_file_is_read_over(our_forms: Forms) -> None:
    end = f"--{BOUNDARY}--\r\n".encode()
    more = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n'.encode()
    assert our_forms.send_body(form_of({"key": "k"}, b"content").removesuffix(end) + more + end)[0] == 204
    assert our_forms.stored("k")["Body"].read() == b"content"


def test_fields_say_nothing_of_other_objects_or_the_framing(our_forms: Forms) -> None:
    our_forms.client.put_object(Bucket=our_forms.bucket, Key="other", Body=b"other")
    fields = {
        "key": "k",
        "x-amz-copy-source": f"/{our_forms.bucket}/other",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "1",
    }
    assert our_forms.send(fields)[0] == 204
    assert our_forms.stored("k")["Body"].read() == b"content"


def test_form_that_does_not_end_as_it_should_is_not_stored(our_forms: Forms) -> None:
    place = urlsplit(our_forms.url)
    body = form_of({"key": "k"}, b"content")
    head = (
        f"POST /{our_forms.bucket} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body) + 10}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=20) as client:
        client.sendall(head.encode() + body)
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):  # no answer before its end
            client.recv(1)
    assert "Contents" not in our_forms.client.list_objects_v2(Bucket=our_forms.bucket)


def test_refusal_of_the_store_is_passed_on(our_forms: Forms) -> None:
    our_forms.bucket = "never-made-at-all"
    status, body, _ = our_forms.send({"key": "k"})
    assert (status, code_of(body)) == (404, "NoSuchBucket")


def test_client_that_hangs_up_while_it_sends_the_file_stores_nothing(our_forms: Forms) -> None:
    place = urlsplit(our_forms.url)
    body = form_of({"key": "k"}, b"x" * MIB)
    head = (
        f"POST /{our_forms.bucket} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=20) as client:
        client.sendall(head.encode() + body[: -MIB // 2])
    wait_for("the server to be free", lambda: our_forms.send({"key": "other"})[0] == 204)
    listed = our_forms.client.list_objects_v2(Bucket=our_forms.bucket)["Contents"]
    assert [item["Key"] for item in listed] == ["other"]


def test_file_is_on_its_way_before_it_is_whole() -> None:
    """Or else a large one would lie in our memory."""
    with stub_store(in_turn(answer_of(200))) as stub, passed_through(stub.endpoint, adapt=embedded()) as url:
        place = urlsplit(url)
        body = form_of({"key": "k"}, b"x" * MIB)
        head = (
            f"POST / HTTP/1.1\r\nHost: bkt.localhost\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        )
        with socket.create_connection((str(place.hostname), place.port or 0), timeout=20) as client:
            client.sendall(head.encode() + body[:-1000])
            wait_for("the store to be asked", lambda: stub.received)
    assert stub.received[0].line == b"PUT /k HTTP/1.1"
