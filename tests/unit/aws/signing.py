"""Requests that botocore has signed, as they are on the wire. They are signed for the current time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from processing_emulator.aws.signatures.verification import RequestHead

HOST = "127.0.0.1:9320"
ACCESS_KEY, SECRET_KEY = "AKIATESTS", "a secret/key+of=tests"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Whose requests these are, and for what."""

    service: str = "sagemaker"
    region: str = "eu-west-1"
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    token: str | None = None

    def sign(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> RequestHead:
        """Signed by header."""
        request = AWSRequest(method=method, url=f"http://{HOST}{url}", headers=headers, data=body)
        maker = S3SigV4Auth if self.service == "s3" else SigV4Auth
        maker(Credentials(self.access_key, self.secret_key, self.token), self.service, self.region).add_auth(request)
        return _wire(request)

    def presign(self, method: str, url: str, expires: int = 60, headers: dict[str, str] | None = None) -> RequestHead:
        """Signed in the query string."""
        request = AWSRequest(method=method, url=f"http://{HOST}{url}", headers=headers or {})
        maker = S3SigV4QueryAuth if self.service == "s3" else SigV4QueryAuth
        credentials = Credentials(self.access_key, self.secret_key, self.token)
        maker(credentials, self.service, self.region, expires=expires).add_auth(request)
        return _wire(request)


def _wire(request: AWSRequest) -> RequestHead:
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = [(b"host", HOST.encode())]
    for name, value in prepared.headers.items():
        text = value if isinstance(value, bytes) else str(value).encode()
        headers.append((name.lower().encode(), text))
    return RequestHead(
        method=prepared.method, path=parts.path.encode(), query=parts.query.encode(), headers=tuple(headers)
    )


def signed_at(request: RequestHead) -> datetime:
    """The moment of the signature."""
    stamp = request.header(b"x-amz-date") or parse_qs(request.query.decode())["X-Amz-Date"][0]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def with_header(request: RequestHead, name: str, value: str | None) -> RequestHead:
    """The request with a header set, or without it."""
    kept = tuple(pair for pair in request.headers if pair[0] != name.encode())
    return replace(request, headers=kept if value is None else (*kept, (name.encode(), value.encode())))
