"""The bucket, the key and the subresources that an S3 request addresses."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from starlette.types import Scope

_SIGNATURE_PARAMETERS = frozenset(
    {
        *("X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-SignedHeaders"),
        *("AWSAccessKeyId", "Signature", "Expires"),
    }
)

_OPERATION_NAME = "x-id"
"""Names the operation for readers of logs; S3 ignores it."""


class Target(NamedTuple):
    """Percent-decoded. `key` is empty for a request to the bucket, and `bucket` for one to the service."""

    bucket: str
    key: str


def target_of(scope: Scope) -> Target:
    """The bucket is the first part of the path, or the subdomain of `localhost`."""
    path = unquote(scope["raw_path"].decode("latin-1"))[1:]
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    name = (host.rpartition(":")[0] or host).lower()
    if name.endswith(".localhost"):
        return Target(name.removesuffix(".localhost"), path)
    bucket, _, key = path.partition("/")
    return Target(bucket, key)


def subresources_of(scope: Scope) -> frozenset[str]:
    """The parameters of the query, such as `location` or `acl`, without those of the signature."""
    names = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return frozenset(
        name
        for name in names
        if name != _OPERATION_NAME and not is_signature_parameter(name) and not name.lower().startswith("x-amz-")
    )


def is_signature_parameter(name: str) -> bool:
    """Whether a parameter of the query belongs to the signature of a presigned URL, of any version."""
    return name in _SIGNATURE_PARAMETERS
