"""Lists objects with ListObjectsV2, page by page."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from processing_emulator.adapters.s3_store.connection import Connection, Request
from processing_emulator.adapters.s3_store.errors import Refusal
from processing_emulator.domain.staging import StoredObject


def iter_pages(connection: Connection, bucket: str, prefix: str) -> Iterator[list[StoredObject]]:
    """The pages of a listing, in the order of the store."""
    token: str | None = None
    while True:
        root = connection.request(
            _page_request(bucket, prefix, token), lambda response: parsed_document(response.read())
        )
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


def parsed_document(body: bytes) -> ET.Element:
    """The document without its namespace, which some stores omit."""
    try:
        root = ET.fromstring(body)  # noqa: S314  (from the store that was configured; expat bounds entities)
    except ET.ParseError as error:
        raise Refusal(status=200, code="MalformedXML", message=f"the listing cannot be read: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _stored(bucket: str, contents: ET.Element, *, is_encoded: bool) -> StoredObject:
    """Keys are requested URL-encoded, because XML cannot hold every character. A plus stands for a space there."""
    key = contents.findtext("Key", "")
    return StoredObject(
        bucket=bucket,
        key=unquote_plus(key) if is_encoded else key,
        size_bytes=int(contents.findtext("Size", "0")),
        etag=contents.findtext("ETag", "").strip('"'),
        modified_at=_moment(contents.findtext("LastModified", "")),
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
