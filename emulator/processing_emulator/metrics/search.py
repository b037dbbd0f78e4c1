"""SEARCH of metric math: `{NAMESPACE,DIMENSION,...} terms`, to the metrics that fit.

A quoted term is the whole text of a metric's name, namespace or dimension. Any other term is split into its parts, as
CloudWatch splits names (at signs, and between letters and digits or a small letter and a capital), and these must come
one after the other. Terms stand next to each other or are joined by AND, OR and NOT. `Property=term` looks at one
property.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from processing_emulator.domain.metrics import MetricKey
from processing_emulator.errors import ValidationFailed

DEEPEST: Final = 50

_SCHEMA = re.compile(r"\s*\{([^{}]*)\}")
_TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<sign>[()=])|(?P<word>[^\s()="]+))')
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")

Fits: TypeAlias = Callable[[MetricKey], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for. `namespace` is None without a schema, and then the metrics may have any dimensions."""

    namespace: str | None
    dimension_names: frozenset[str] | None
    fits: Fits

    @property
    def exact_dimensions(self) -> tuple[tuple[str, str | None], ...]:
        """Which dimensions every metric that fits has."""
        return tuple((name, None) for name in sorted(self.dimension_names or ()))

    def finds(self, key: MetricKey) -> bool:
        """Whether a metric is meant."""
        names = frozenset(name for name, _ in key.dimensions)
        return self.namespace in (None, key.namespace) and self.dimension_names in (None, names) and self.fits(key)


def parse_search(text: str) -> Search:
    """Raises ValidationFailed."""
    schema = _SCHEMA.match(text)
    if schema is None and text.lstrip().startswith("{"):
        raise _wrong(text, "'}' is missing")
    if schema is None:
        return Search(namespace=None, dimension_names=None, fits=_Terms(text).parsed())
    namespace, *names = [part.strip().strip('"') for part in schema[1].split(",")]
    if not namespace:
        raise _wrong(text, "the braces begin with a namespace")
    return Search(
        namespace=namespace,
        dimension_names=frozenset(names) if names else None,
        fits=_Terms(text[schema.end() :]).parsed(),
    )


class _Terms:
    """The terms after the braces."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in self._matches()]
        self._next = 0
        self._depth = 0

    def _matches(self) -> Sequence[re.Match[str]]:
        matches, at, text = [], 0, self._text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _wrong(self._text, f"{text[at:][:20]!r} is not understood")
            matches.append(match)
            at = match.end()
        return matches

    def parsed(self) -> Fits:
        if not self._tokens:
            return lambda _key: True
        fits = self._either()
        if self._next < len(self._tokens):
            raise _wrong(self._text, f"{self._tokens[self._next][1]!r} is not expected")
        return fits

    def _either(self) -> Fits:
        choices = [self._all()]
        while self._take("word", "OR"):
            choices.append(self._all())
        return lambda key: any(fits(key) for fits in choices)

    def _all(self) -> Fits:
        needed = [self._one()]
        while self._next < len(self._tokens) and self._tokens[self._next] not in (("word", "OR"), ("sign", ")")):
            self._take("word", "AND")
            needed.append(self._one())
        return lambda key: all(fits(key) for fits in needed)

    def _one(self) -> Fits:
        if self._take("word", "NOT"):
            unwanted = self._nested(self._one)
            return lambda key: not unwanted(key)
        if self._take("sign", "("):
            fits = self._nested(self._either)
            if not self._take("sign", ")"):
                raise _wrong(self._text, "')' is missing")
            return fits
        kind, value = self._token()
        if self._take("sign", "="):
            name = value.strip('"')
            if self._take("sign", "("):
                return self._any_value_of(name)
            return _property_fits(name, *self._token())
        return lambda key: any(_matches(text, kind, value) for text in _texts(key))

    def _any_value_of(self, name: str) -> Fits:
        """`Host=("a" OR "b")`."""
        choices = [_property_fits(name, *self._token())]
        while self._take("word", "OR"):
            choices.append(_property_fits(name, *self._token()))
        if not self._take("sign", ")"):
            raise _wrong(self._text, "')' is missing")
        return lambda key: any(fits(key) for fits in choices)

    def _nested(self, parse: Callable[[], Fits]) -> Fits:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _wrong(self._text, "it is nested too deeply")
        fits = parse()
        self._depth -= 1
        return fits

    def _token(self) -> tuple[str, str]:
        if self._next >= len(self._tokens) or self._tokens[self._next][0] == "sign":
            raise _wrong(self._text, "a term is missing")
        self._next += 1
        return self._tokens[self._next - 1]

    def _take(self, kind: str, value: str) -> bool:
        is_there = self._next < len(self._tokens) and self._tokens[self._next] == (kind, value)
        self._next += is_there
        return is_there


def _property_fits(name: str, kind: str, value: str) -> Fits:
    def fits(key: MetricKey) -> bool:
        properties = {**dict(key.dimensions), "MetricName": key.name, "Namespace": key.namespace}
        return name in properties and _matches(properties[name], kind, value)

    return fits


def _texts(key: MetricKey) -> list[str]:
    return [key.name, key.namespace, *(text for pair in key.dimensions for text in pair)]


def _matches(text: str, kind: str, value: str) -> bool:
    if kind == "quoted":
        return text == value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    wanted, there = _parts(value), _parts(text)
    return text.lower() == value.lower() or (
        bool(wanted) and any(there[at : at + len(wanted)] == wanted for at in range(len(there) - len(wanted) + 1))
    )


def _parts(text: str) -> list[str]:
    return [part.lower() for part in _PARTS.findall(text)]


def _wrong(text: str, what: str) -> ValidationFailed:
    return ValidationFailed(f"Error in SEARCH expression {text.strip()[:200]!r}: {what}.")
