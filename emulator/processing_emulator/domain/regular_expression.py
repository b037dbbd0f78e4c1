"""Regular expressions of users, in RE2: the time of a search grows with the length of the text, however they look.

RE2 knows no lookaround and no references back to a group, and `\\d`, `\\s` and `\\w` are of ASCII. It searches UTF-8,
which is why texts are encoded here, and lets other threads run meanwhile. Pure.
"""

from collections.abc import Sequence
from typing import Any, Final

_LARGEST_BYTES: Final = 1024**2
"""Of a compiled expression: with this much, a search takes at most some microseconds for each byte of the text."""

_SURROGATES: Final = "surrogatepass"
"""Texts from JSON may have half a surrogate pair. No expression matches that half."""


class RegularExpression:
    """A compiled expression. `group_names` are in the order of the groups, None for those without a name."""

    def __init__(self, pattern: str) -> None:
        """`.` matches line ends too. Raises ValueError with what RE2 does not take."""
        import re2  # 11 ms, which a start need not wait for

        options = re2.Options()
        options.dot_nl, options.log_errors, options.max_mem = True, False, _LARGEST_BYTES
        try:
            self._compiled: Any = re2.compile(pattern.encode(errors=_SURROGATES), options)
        except re2.error as error:
            raise ValueError(error.args[0].decode(errors="replace")) from error
        names = {index: name.decode() for name, index in self._compiled.groupindex.items()}
        self.group_names: Sequence[str | None] = [names.get(index + 1) for index in range(self._compiled.groups)]

    def is_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        return self._compiled.search(text.encode(errors=_SURROGATES)) is not None

    def groups_in(self, text: str) -> Sequence[str | None] | None:
        """What the groups of the first match took, None for a group that took no part; None: it does not match."""
        found = self._compiled.search(text.encode(errors=_SURROGATES))
        if found is None:
            return None
        return [None if part is None else part.decode(errors="replace") for part in found.groups()]


def escaped(text: str) -> str:
    """An expression that matches this text only."""
    import re2  # as above

    quoted: str = re2.escape(text)
    return quoted
