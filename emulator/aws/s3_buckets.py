"""ListBuckets for an embedded store that accepts any keys: such a store knows no owner and lists nothing by itself."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from starlette.types import Scope

BucketLister: TypeAlias = Callable[[], Mapping[str, datetime]]
"""All buckets by name, and when each was made. Raises EmulatorError."""

_MOST = 10_000
_OWNER = "<Owner><ID>emulator</ID><DisplayName>emulator</DisplayName></Owner>"


def asks_for_buckets(scope: Scope) -> bool:
    """Whether this is ListBuckets: a GET of the root, of a host that is not itself named after a bucket."""
    if scope["method"] != "GET" or scope["raw_path"] != b"/":
        return False
    host = dict(scope["headers"]).get(b"host", b"").rpartition(b":")
    return not (host[0] or host[2]).endswith(b".localhost")


def buckets_document(buckets: Mapping[str, datetime], query: bytes) -> bytes:
    """One page of them, as `prefix`, `max-buckets` and `continuation-token` of the query say."""
    asked = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
    prefix, after = asked.get("prefix", ""), asked.get("continuation-token", "")
    limit = int(asked["max-buckets"]) if asked.get("max-buckets", "").isdecimal() else _MOST
    names = [name for name in sorted(buckets) if name.startswith(prefix) and name > after]
    page = names[:limit]
    entries = "".join(
        f"<Bucket><Name>{escape(name)}</Name><CreationDate>{_stamp(buckets[name])}</CreationDate></Bucket>"
        for name in page
    )
    token = f"<ContinuationToken>{escape(page[-1])}</ContinuationToken>" if page and len(names) > len(page) else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{_OWNER}<Buckets>{entries}</Buckets>{token}</ListAllMyBucketsResult>"
    ).encode()


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
