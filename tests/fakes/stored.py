"""Values as a database returns them; the in-memory stores convert theirs in the same way."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def stored_moment(at: datetime) -> datetime:
    """The time in UTC, truncated to the millisecond."""
    utc = at.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def stored_text(text: str | None) -> str | None:
    """The text with `?` in place of lone surrogates and NUL."""
    return None if text is None else text.encode(errors="replace").decode().replace("\0", "?")


def stored_json(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy that went through JSON."""
    copy: dict[str, Any] = json.loads(json.dumps(dict(document)))
    return copy
