"""What to show of an object: a picture, a table, JSON or text; never anything that a browser interprets."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

PREVIEW_BYTES = 64 * 1024
"""Read of an object that is shown as text."""

MOST_ROWS, MOST_COLUMNS = 100, 40

PICTURE_BYTES = 8 * 1024**2
"""The largest picture that is shown."""

_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One of picture, table and text; none of them for bytes that are no text. `is_cut`: there is more."""

    picture_type: str | None = None
    rows: Sequence[Sequence[str]] | None = None
    text: str | None = None
    is_cut: bool = False


def picture_type_of(content: bytes) -> str | None:
    """The media type of a picture, by its first bytes. SVG is not one, because it can hold scripts."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for magic, media_type in _PICTURES if content.startswith(magic)), None)


def preview_of(key: str, content: bytes, size_bytes: int) -> Preview:
    """`content` are the first bytes of an object of that size."""
    picture_type = picture_type_of(content)
    if picture_type is not None:
        return Preview(picture_type=picture_type, is_cut=size_bytes > PICTURE_BYTES)
    is_cut = size_bytes > len(content)
    text = _decoded(content, is_cut=is_cut)
    if text is None:
        return Preview(is_cut=is_cut)
    name = key.lower()
    if name.endswith((".csv", ".tsv")):
        rows = _rows(text, "\t" if name.endswith(".tsv") else ",")
        if rows is not None:
            return Preview(rows=rows[:MOST_ROWS], is_cut=is_cut or len(rows) > MOST_ROWS)
    if name.endswith(".json") and not is_cut:
        text = _indented(text)
    return Preview(text=text, is_cut=is_cut)


def _decoded(content: bytes, *, is_cut: bool) -> str | None:
    """None for bytes that are no UTF-8, and for those with NUL. The last character may be cut."""
    if b"\0" in content:
        return None
    for spare in range(4 if is_cut else 1):
        try:
            return content[: len(content) - spare].decode()
        except UnicodeDecodeError:
            continue
    return None


def _rows(text: str, delimiter: str) -> list[list[str]] | None:
    rows = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            rows.append(row[:MOST_COLUMNS])
            if len(rows) > MOST_ROWS:
                break
    except csv.Error:
        return None
    return rows


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
