"""What a form that was stored is answered with: a redirection, a document, or nothing, as it asks."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.types import Scope

from processing_emulator.aws.protocols.xml_text import xml_text
from processing_emulator.aws.s3.held_response import HeldAnswer
from processing_emulator.aws.s3.target import Target

_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")
_XML: Final = (b"content-type", b"application/xml")


def say_done(answer: HeldAnswer, stored: Target, fields: Mapping[str, str], upload: Scope) -> None:
    """Put it in the place of the store's answer to the upload."""
    etag = dict(answer.headers).get(b"etag", b"").decode("latin-1")
    host = dict(upload["headers"]).get(b"host", b"").decode("latin-1")
    location = f"{upload['scheme']}://{host}{upload['raw_path'].decode()}"
    redirect = _redirect(fields.get("success_action_redirect") or fields.get("redirect", ""), stored, etag)
    if redirect:
        answer.replace(303, b"", (b"location", redirect.encode()))
    elif fields.get("success_action_status") == "201":
        answer.replace(201, _document(location, stored, etag), (b"location", location.encode()), _XML)
    elif fields.get("success_action_status") == "200":
        answer.replace(200, b"", (b"location", location.encode()))
    else:
        answer.replace(204, b"", (b"location", location.encode()))
        answer.headers = [(name, value) for name, value in answer.headers if name != b"content-length"]


def _redirect(url: str, stored: Target, etag: str) -> str:
    """Where the browser goes, told what was stored; empty for what is no URL, which S3 takes for absent."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isascii() or _CONTROL.search(url):
        return ""
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("bucket", stored.bucket), ("key", stored.key)]
    return urlunsplit(parts._replace(query=urlencode([*query, ("etag", etag)])))


def _document(location: str, stored: Target, etag: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<PostResponse><Location>{xml_text(location)}</Location><Bucket>{xml_text(stored.bucket)}</Bucket>"
        f"<Key>{xml_text(stored.key)}</Key><ETag>{xml_text(etag)}</ETag></PostResponse>"
    ).encode()
