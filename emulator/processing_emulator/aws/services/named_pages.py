"""Pages of lists whose items have names, in the order of these."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from processing_emulator.domain.page_token import pack, unpack

T = TypeVar("T")


class NamedPage(NamedTuple):
    """The names on a page; `token` leads to the next one, None from the last."""

    names: Sequence[str]
    token: str | None


def page_after(items: Mapping[str, object], token: str | None, limit: int) -> NamedPage:
    """The page that a token leads to; None: the first. Raises ValueError for what is no token."""
    after = "" if token is None else _opened(token)
    left = sorted(name for name in items if name > after)
    page = left[:limit]
    return NamedPage(page, pack([page[-1]]) if len(left) > len(page) else None)


def _opened(token: str) -> str:
    [name] = unpack(token)
    return str(name)
