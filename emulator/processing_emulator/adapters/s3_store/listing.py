"""Reads ListObjectsV2, page by page."""

from collections.abc import Iterator
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from processing_emulator.adapters.s3_store.errors import Refusal
from processing_emulator.adapters.s3_store.lane import Lane, Request
from processing_emulator.domain.staging import StoredObject


def iter_pages(lane: Lane, bucket: str, prefix: str) -> Iterator[list[StoredObject]]:
    """The pages of a listing, in the store's own order."""
    token: str | None = None
    while True:
        root = lane.perform(_page_request(bucket, prefix, token), lambda response: _parsed(response.read()))
        is_encoded = root.findtext("EncodingType") == "url"
        yield [_stored(bucket, contents, is_encoded=is_encoded) for contents in root.iter("Contents")]
        token = root.findtext("NextContinuationToken")
        if root.findtext("IsTruncated") != "true" or not token:
            return


def _page_request(bucket: str, prefix: str, token: str | None) -> Request:
    query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
    if token is not None:
        query.append(("continuation-token", token))
    return Request(
        operation="ListObjectsV2",
        about=f"s3://{bucket}/{prefix}. nextToken:[{token or 'null'}]",
        method="GET",
        bucket=bucket,
        query=query,
    )


def _parsed(answer: bytes) -> ET.Element:
    """The document without its namespace, which not all stores send."""
    try:
        root = ET.fromstring(answer)  # noqa: S314  (from the store that was configured; expat bounds entities)
    except ET.ParseError as error:
        raise Refusal(status=200, code="MalformedXML", message=f"the listing cannot be read: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _stored(bucket: str, contents: ET.Element, *, is_encoded: bool) -> StoredObject:
    """Keys are asked for URL-encoded, because XML has no way to write some characters; a space is a plus there."""
    key = contents.findtext("Key", "")
    return StoredObject(
        bucket=bucket,
        key=unquote_plus(key) if is_encoded else key,
        size_bytes=int(contents.findtext("Size", "0")),
        etag=contents.findtext("ETag", "").strip('"'),
    )
