"""From the text of a query to its rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from processing_emulator.domain.log_insights.commands import (
    MOST_ROWS,
    Command,
    Fields,
    Filter,
    Limit,
    Sort,
    Stats,
    parse_columns,
    parse_dedup,
    parse_limit,
    parse_parse,
    parse_sort,
    parse_stats,
)
from processing_emulator.domain.log_insights.expressions import ExpressionParser
from processing_emulator.domain.log_insights.tokens import Tokens
from processing_emulator.domain.log_insights.values import Row, text
from processing_emulator.errors import QueryMalformed

DEFAULT_LIMIT = 10_000

_DEFAULT_FIELDS = ("@timestamp", "@message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query that was read. `shown` are the fields of its results."""

    commands: Sequence[Command]
    shown: Sequence[str]

    def run(self, rows: Iterable[Row], count_match: Callable[[], None]) -> Iterable[Row]:
        """The rows of the result. `rows` are events, the latest first. Raises QueryTooLarge.

        `count_match` is called for each event that the filters let through.
        """
        is_group = [isinstance(command, Stats) for command in self.commands]
        on_events = self.commands[: is_group.index(True)] if True in is_group else self.commands
        filters = [number for number, command in enumerate(on_events, start=1) if isinstance(command, Filter)]
        for number, command in enumerate((None, *self.commands)):
            if command is not None:
                rows = command.apply(rows)
            if number == max(filters, default=0):
                rows = _counted(rows, count_match)
        return rows

    def result(self, row: Row) -> Sequence[tuple[str, str]]:
        """Field and value of all shown fields that a row has."""
        found = ((name, row.get(name)) for name in self.shown)
        return [(name, text(value)) for name, value in found if value is not None]


def _counted(rows: Iterable[Row], count: Callable[[], None]) -> Iterator[Row]:
    for row in rows:
        count()
        yield row


def parse_query(query: str, limit: int | None = None) -> Query:
    """Read a query; it returns at most `limit` rows. Raises QueryMalformed."""
    reader = _Reader(Tokens(query))
    reader.read()
    commands = _only_wanted([*reader.commands, Limit(min(limit or DEFAULT_LIMIT, MOST_ROWS))])
    return Query(commands=commands, shown=list(dict.fromkeys(reader.shown())))


def _only_wanted(commands: Sequence[Command]) -> Sequence[Command]:
    """Let each sort keep no more rows than the commands behind it take."""
    wanted, changed = MOST_ROWS, list[Command]()
    for command in reversed(commands):
        match command:
            case Limit():
                wanted = min(wanted, command.most)
            case Sort():
                changed.append(replace(command, most=wanted))
                continue
            case Fields():
                pass
            case _:
                wanted = MOST_ROWS
        changed.append(command)
    return changed[::-1]


class _Reader:
    """Reads the commands one by one, and keeps what they mean for what is shown."""

    def __init__(self, tokens: Tokens) -> None:
        self.commands: list[Command] = []
        self._tokens = tokens
        self._fields: list[str] = []
        self._displayed: list[str] | None = None
        self._is_grouped = False

    def read(self) -> None:
        """All commands, with pipes between them."""
        self._read_command()
        while self._tokens.peek().kind != "end":
            self._tokens.expect("|")
            self._read_command()

    def shown(self) -> Sequence[str]:
        """The fields of the last `display`, else those of all `fields`; events have their `@ptr`, too."""
        if self._is_grouped:
            return self._fields if self._displayed is None else self._displayed
        names = (self._fields or _DEFAULT_FIELDS) if self._displayed is None else self._displayed
        return [*(name for name in names if name != "@ptr"), "@ptr"]

    def _read_command(self) -> None:
        token = self._tokens.next()
        match token.value.lower() if token.kind == "name" else "":
            case "fields":
                self._fields += self._columns()
            case "display":
                self._displayed = self._columns()
            case "filter":
                self.commands.append(Filter(ExpressionParser(self._tokens).parse()))
            case "parse":
                self.commands.append(parse_parse(self._tokens))
            case "sort":
                self.commands.append(parse_sort(self._tokens))
            case "stats":
                self._add_stats(parse_stats(self._tokens))
            case "dedup":
                self.commands.append(parse_dedup(self._tokens))
            case "limit":
                self.commands.append(parse_limit(self._tokens))
            case _:
                found = f"the command {token.value!r}" if token.kind != "end" else "a query without a command"
                raise QueryMalformed(f"{found} is not supported by the emulator")

    def _columns(self) -> list[str]:
        columns = parse_columns(ExpressionParser(self._tokens))
        self.commands.append(Fields(columns))
        return [column.name for column in columns]

    def _add_stats(self, stats: Stats) -> None:
        self.commands.append(stats)
        self._is_grouped, self._displayed = True, None
        self._fields = [column.name for column in (*stats.by, *stats.columns)]
