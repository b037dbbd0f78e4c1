"""Values as a database gives them back; the stores in memory do the same."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def stored_moment(at: datetime) -> datetime:
    """In UTC, to the millisecond."""
    utc = at.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def stored_text(text: str | None) -> str | None:
    """With `?` for halves of surrogate pairs and for NUL."""
    return None if text is None else text.encode(errors="replace").decode().replace("\0", "?")


def stored_json(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy, as JSON gives it back."""
    copy: dict[str, Any] = json.loads(json.dumps(dict(document)))
    return copy
