"""ListBuckets: a store that takes any keys knows no owner, and lists nothing by itself."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.http.reply import send_reply, send_s3_error
from processing_emulator.aws.protocols.codec import Reply
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.target import target_of
from processing_emulator.errors import EmulatorError

logger = logging.getLogger(__name__)

BucketLister: TypeAlias = Callable[[], Mapping[str, datetime]]
"""All buckets by name, and when each was made. Raises EmulatorError."""

_MOST = 10_000
_DIGITS = re.compile(r"[0-9]{1,5}")
_NO_LIMIT = WireError(code="InvalidArgument", message=f"Argument max-buckets must be an integer between 1 and {_MOST}")
_OWNER = "<Owner><ID>emulator</ID><DisplayName>emulator</DisplayName></Owner>"


class BucketList:
    """Answers in the store's place."""

    def __init__(self, store: ASGIApp, list_buckets: BucketLister) -> None:
        self._store = store
        self._list_buckets = list_buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET" or scope["raw_path"] != b"/" or target_of(scope).bucket:
            await self._store(scope, receive, send)
            return
        limit = _limit_in(scope["query_string"])
        if limit is None:
            await send_s3_error(send, _NO_LIMIT)
            return
        try:
            buckets = await asyncio.to_thread(self._list_buckets)
        except EmulatorError as error:
            logger.warning("buckets not listed", extra={"error": error})
            unavailable = WireError(code="ServiceUnavailable", message="The S3 store does not answer.", status=503)
            await send_s3_error(send, unavailable)
        else:
            document = buckets_document(buckets, scope["query_string"], limit)
            await send_reply(send, Reply(body=document, media_type="application/xml"))


def _limit_in(query: bytes) -> int | None:
    """How many buckets the query asks for at most; None when that is no number of buckets."""
    (asked,) = parse_qs(query.decode("latin-1")).get("max-buckets", [str(_MOST)])[:1]
    return int(asked) if _DIGITS.fullmatch(asked) and 1 <= int(asked) <= _MOST else None


def buckets_document(buckets: Mapping[str, datetime], query: bytes, limit: int = _MOST) -> bytes:
    """One page of them, `limit` at most, as `prefix` and `continuation-token` of the query say."""
    asked = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
    prefix, after = asked.get("prefix", ""), asked.get("continuation-token", "")
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
