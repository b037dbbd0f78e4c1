"""Path and query of an S3 request in the one spelling that signatures cover, or the reason why S3 refuses them."""

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from processing_emulator.aws.s3.target import is_signature_parameter

_UNRESERVED: Final = "-_.~"
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBERS: Final = frozenset({"max-buckets", "max-keys", "max-parts", "max-uploads"})
_NUMBER: Final = re.compile(r"[0-9]{0,10}")


def canonical_path(raw_path: bytes) -> str:
    """The path, percent-encoded. Raises ValueError."""
    try:
        return quote(unquote(raw_path.decode(), errors="strict"), safe="/" + _UNRESERVED)
    except UnicodeDecodeError as error:
        raise ValueError("The path of the URL is not UTF-8.") from error


def canonical_query(query_string: bytes) -> str:
    """The query, percent-encoded and sorted, without a presigned URL's signature. Raises ValueError."""
    try:
        query = query_string.decode()
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("A parameter of the URL is not UTF-8.") from error
    if _BAD_ESCAPE.search(query):
        raise ValueError("A parameter of the URL has a percent sign that does not begin an escape.")
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise ValueError("A parameter of the URL contains a NUL character.")
        if name in _NUMBERS and not _NUMBER.fullmatch(value):
            raise ValueError(f"Provided {name} not an integer or within integer range")
    kept = sorted(pair for pair in pairs if not is_signature_parameter(pair[0]))
    return "&".join(f"{quote(name, safe=_UNRESERVED)}={quote(value, safe=_UNRESERVED)}" for name, value in kept)
