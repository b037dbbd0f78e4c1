"""S3 URIs, in the forms that SageMaker's pattern allows: `s3://` and `https://`."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from processing_emulator.errors import Unsupported

_S3_SCHEME = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)
_HTTPS_SCHEME = re.compile(r"https://([^/]+)/?(.*)", re.DOTALL)

_REGION = r"[a-z]{2,3}(?:-[a-z]+)+-[0-9]+"
_S3_HOST = re.compile(rf"(?:(.+)\.)?s3(?:-fips)?(?:\.dualstack)?(?:[.-]{_REGION})?\.amazonaws\.com(?:\.cn)?")
"""S3's own hosts, after the name of a bucket in the virtual-hosted style."""

_NO_BUCKET = "it names no bucket"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket with a key or a key prefix, which may be empty."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def parse_s3_uri(text: str) -> S3Uri:
    """Parse `s3://bucket/key`, or the URL of a bucket or an object at S3, in path style or virtual-hosted style.

    A URL is percent-encoded, as the console shows it; an `s3://` URI holds the key itself. The region in a host name
    has no meaning here: there is one store. Raises Unsupported with the reason.
    """
    match = _S3_SCHEME.fullmatch(text)
    if match is not None:
        return S3Uri(match[1], match[2])
    if text.startswith("s3://"):
        raise Unsupported(_NO_BUCKET)
    match = _HTTPS_SCHEME.fullmatch(text)
    host = _S3_HOST.fullmatch(match[1].lower()) if match else None
    if match is None or host is None:
        raise Unsupported("only s3:// URIs and https:// URIs of S3 itself, at amazonaws.com, are")
    if "?" in match[2] or "#" in match[2]:
        raise Unsupported("an S3Uri has no query and no fragment; in a key, ? is %3F and # is %23")
    bucket, _, key = (host[1], "", match[2]) if host[1] else match[2].partition("/")
    if not bucket:
        raise Unsupported(_NO_BUCKET)
    return S3Uri(bucket, _decoded(key))


def _decoded(key: str) -> str:
    try:
        decoded = unquote(key, errors="strict")
    except UnicodeDecodeError:
        raise Unsupported("its percent-encoding is not UTF-8") from None
    if "\0" in decoded:
        raise Unsupported("its key has a NUL character")
    return decoded
