"""The commands of a query, each of which turns rows into rows."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from processing_emulator.domain.log_insights.aggregates import Aggregate
from processing_emulator.domain.log_insights.expressions import AggregateCall, Expression, ExpressionParser
from processing_emulator.domain.log_insights.tokens import Token, Tokens, compile_regex
from processing_emulator.domain.log_insights.values import Row, Value, is_true, sort_key, text
from processing_emulator.domain.regular_expression import RegularExpression, escaped
from processing_emulator.errors import QueryMalformed, QueryTooLarge

MOST_GROUPS = 100_000
"""Groups of a `stats` and values of a `dedup`; a query with more fails."""

MOST_ROWS = 100_000
"""Rows that a query can return, and rows that `sort` keeps."""


class Command(Protocol):
    """One command."""

    def apply(self, rows: Iterable[Row]) -> Iterable[Row]:
        """The rows that come out; taken only as far as they are needed. Raises QueryTooLarge."""
        ...


class Column(NamedTuple):
    """A named expression."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Fields:
    """`fields` and `display`: computes columns. What is shown in the end is up to the query."""

    columns: Sequence[Column]

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, with more fields."""
        for row in rows:
            for name, expression in self.columns:
                row.fields[name] = expression(row)
            yield row


@dataclass(frozen=True, slots=True)
class Filter:
    """Lets rows through that fulfil a condition."""

    condition: Expression

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Some of the rows."""
        return (row for row in rows if is_true(self.condition(row)))


@dataclass(frozen=True, slots=True)
class Parse:
    """Takes parts of a field into new fields; rows without a match stay as they are."""

    source: str
    pattern: RegularExpression
    names: Sequence[str]

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, with more fields."""
        for row in rows:
            value = row.get(self.source)
            groups = None if value is None else self.pattern.groups_in(text(value))
            if groups is not None:
                row.fields.update(zip(self.names, groups, strict=True))
            yield row


@dataclass(frozen=True, slots=True)
class Sort:
    """Orders rows; those without the field come last. `most` is how many rows are wanted at all."""

    keys: Sequence[tuple[Expression, bool]]
    most: int = MOST_ROWS

    def apply(self, rows: Iterable[Row]) -> Iterable[Row]:
        """The first rows in that order."""
        return heapq.nsmallest(self.most, rows, key=self._key)

    def _key(self, row: Row) -> tuple[object, ...]:
        return tuple(
            (value is None, _Descending(sort_key(value)) if descending else sort_key(value))
            for value, descending in ((expression(row), descending) for expression, descending in self.keys)
        )


@dataclass(frozen=True, slots=True)
class _Descending:
    """Reverses an order."""

    key: tuple[int, float, str]

    def __lt__(self, other: "_Descending") -> bool:
        return other.key < self.key


@dataclass(frozen=True, slots=True)
class Stats:
    """Makes one row of each group of rows."""

    columns: Sequence[Column]
    by: Sequence[Column]
    calls: Sequence[AggregateCall]

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """A row for each group, in the order in which the groups were met; one if there are no groups to make."""
        groups: dict[tuple[str | None, ...], tuple[list[Value], list[Aggregate]]] = {}
        if not self.by:
            groups[()] = [], self._begun()
        for row in rows:
            values = [expression(row) for _, expression in self.by]
            key = tuple(None if value is None else text(value) for value in values)
            if key not in groups:
                if len(groups) == MOST_GROUPS:
                    raise QueryTooLarge(f"stats makes more than {MOST_GROUPS} groups")
                groups[key] = values, self._begun()
            for call, aggregate in zip(self.calls, groups[key][1], strict=True):
                if (value := call.argument(row)) is not None:
                    aggregate.add(value)
        for values, aggregates in groups.values():
            yield self._row(values, aggregates)

    def _begun(self) -> list[Aggregate]:
        return [call.begin() for call in self.calls]

    def _row(self, values: Sequence[Value], aggregates: Sequence[Aggregate]) -> Row:
        results = {call.field: aggregate.result() for call, aggregate in zip(self.calls, aggregates, strict=True)}
        grouped = {column.name: value for column, value in zip(self.by, values, strict=True)}
        scratch = Row({**results, **grouped})
        computed = {name: expression(scratch) for name, expression in self.columns}
        return Row({**grouped, **computed})


@dataclass(frozen=True, slots=True)
class Dedup:
    """Keeps the first row of each combination of values; rows without one of the fields stay."""

    fields: Sequence[Expression]

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Some of the rows."""
        seen: set[tuple[str, ...]] = set()
        for row in rows:
            values = [expression(row) for expression in self.fields]
            if None not in values:
                key = tuple(map(text, values))
                if key in seen:
                    continue
                if len(seen) == MOST_GROUPS:
                    raise QueryTooLarge(f"dedup meets more than {MOST_GROUPS} different values")
                seen.add(key)
            yield row


@dataclass(frozen=True, slots=True)
class Limit:
    """Takes the first rows only."""

    most: int

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The first rows."""
        return islice(rows, self.most)


def parse_columns(parser: ExpressionParser) -> Sequence[Column]:
    """`expression [as name], ...`; without a name a column is called as it is written."""
    columns = [_column(parser)]
    while parser.tokens.take(","):
        columns.append(_column(parser))
    return columns


def parse_parse(tokens: Tokens) -> Parse:
    """`[field] "glob * *" as a, b` or `[field] /regex with (?<groups>)/`."""
    pattern = tokens.take_regex()
    source = tokens.next().value if pattern is None and tokens.peek().kind == "name" else "@message"
    pattern = pattern or tokens.take_regex()
    if pattern is None:
        token = tokens.next()
        if token.kind != "text":
            raise QueryMalformed(f"a pattern expected at character {token.start}, found {token.value!r}")
        pattern = _glob(token)
    names: Sequence[str] = [name for name in pattern.group_names if name is not None]
    if tokens.take("as"):
        names = parse_names(tokens)
    if len(names) != len(pattern.group_names) or not names:
        raise QueryMalformed(f"parse has {len(pattern.group_names)} parts to take and {len(names)} names")
    return Parse(source, pattern, names)


def parse_sort(tokens: Tokens) -> Sort:
    """`field [asc|desc], ...`; ascending if not said."""
    keys: list[tuple[Expression, bool]] = []
    while not keys or tokens.take(","):
        expression = ExpressionParser(tokens).parse()
        keys.append((expression, tokens.take("asc", "desc") == "desc"))
    return Sort(keys)


def parse_stats(tokens: Tokens) -> Stats:
    """`aggregate(...) [as name], ... [by column, ...]`."""
    calls: list[AggregateCall] = []
    columns = parse_columns(ExpressionParser(tokens, calls))
    by = parse_columns(ExpressionParser(tokens)) if tokens.take("by") else []
    return Stats(columns, by, calls)


def parse_dedup(tokens: Tokens) -> Dedup:
    """`field, ...`."""
    return Dedup([column.expression for column in parse_columns(ExpressionParser(tokens))])


def parse_limit(tokens: Tokens) -> Limit:
    """A number of rows."""
    token = tokens.next()
    if token.kind != "number" or not token.value.isdecimal() or not 1 <= int(token.value[:9]) <= MOST_ROWS:
        raise QueryMalformed(f"limit needs a number from 1 to {MOST_ROWS}, found {token.value!r}")
    return Limit(int(token.value))


def parse_names(tokens: Tokens) -> list[str]:
    """`name, ...`."""
    names = [parse_name(tokens)]
    while tokens.take(","):
        names.append(parse_name(tokens))
    return names


def _column(parser: ExpressionParser) -> Column:
    tokens = parser.tokens
    start = tokens.peek().start
    expression = parser.parse()
    written = tokens.query[start : tokens.position].strip()
    if tokens.take("as"):
        return Column(parse_name(tokens), expression)
    return Column(written.strip("`"), expression)


def parse_name(tokens: Tokens) -> str:
    """A name."""
    token = tokens.next()
    if token.kind != "name":
        raise QueryMalformed(f"a name expected at character {token.start}, found {token.value!r}")
    return token.value


def _glob(token: Token) -> RegularExpression:
    """Each `*` takes as little as it can, the one at the end the rest; the first begins at the start of the text."""
    first, *parts = token.value.split("*")
    if not parts:
        raise QueryMalformed(f"the pattern at character {token.start} has no *")
    pattern = escaped(first) if first else "^"
    for part in parts[:-1]:
        pattern += "(.*?)" + escaped(part)
    pattern += "(.*)" if not parts[-1] else "(.*?)" + escaped(parts[-1])
    return compile_regex(pattern)
