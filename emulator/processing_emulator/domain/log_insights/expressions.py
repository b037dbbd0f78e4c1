"""Compiles expressions to functions of a row: comparisons, arithmetic, functions, and aggregates within `stats`."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from processing_emulator.domain.log_insights.aggregates import AGGREGATES, Aggregate, Percentile
from processing_emulator.domain.log_insights.functions import FUNCTIONS, period_ms
from processing_emulator.domain.log_insights.tokens import Tokens
from processing_emulator.domain.log_insights.values import Moment, Row, Value, is_true, number, text
from processing_emulator.errors import QueryMalformed

Expression: TypeAlias = Callable[[Row], Value]

_DEEPEST = 50
"""How far expressions may be nested."""

_MOST_CALCULATIONS = 200
"""Operators of arithmetic in the expressions of a command; each is a call within a call."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "=": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = MappingProxyType(
    {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "%": operator.mod,
        "^": operator.pow,
    }
)
_LEVELS: Sequence[tuple[str, ...]] = (("+", "-"), ("*", "/", "%"), ("^",))
_LARGEST = 1e15
"""Powers are taken of numbers up to this one, so that none takes long."""


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate in an expression: how to begin it, the values it takes, and the field its result is put into."""

    begin: Callable[[], Aggregate]
    argument: Expression
    field: str


@dataclass(slots=True)
class ExpressionParser:
    """Reads expressions. `aggregates` collects the calls of aggregates; None where there may be none."""

    tokens: Tokens
    aggregates: list[AggregateCall] | None = None
    depth: int = field(default=0)
    calculations: int = field(default=0)

    def parse(self) -> Expression:
        """The expression that comes next. Raises QueryMalformed."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise QueryMalformed("the expression is nested too deeply")
        alternatives = [self._all()]
        while self.tokens.take("or"):
            alternatives.append(self._all())
        self.depth -= 1
        if len(alternatives) == 1:
            return alternatives[0]
        return lambda row: any(is_true(alternative(row)) for alternative in alternatives)

    def _all(self) -> Expression:
        conditions = [self._not()]
        while self.tokens.take("and"):
            conditions.append(self._not())
        if len(conditions) == 1:
            return conditions[0]
        return lambda row: all(is_true(condition(row)) for condition in conditions)

    def _not(self) -> Expression:
        negations = 0
        while self.tokens.take("not"):
            negations += 1
        condition = self._comparison()
        if not negations:
            return condition
        return lambda row: is_true(condition(row)) is (negations % 2 == 0)

    def _comparison(self) -> Expression:
        left = self._binary(0)
        negated = self.tokens.take("not") is not None
        if self.tokens.take("like", "=~"):
            return _negated(self._likeness(left), negated=negated)
        if self.tokens.take("in"):
            return _negated(self._membership(left), negated=negated)
        if negated:
            raise self.tokens.unexpected("'like' or 'in'")
        sign = self.tokens.take(*_COMPARISONS)
        if sign is None:
            return left
        right, compare = self._binary(0), _COMPARISONS[sign]
        return lambda row: _compared(left(row), right(row), compare)

    def _likeness(self, left: Expression) -> Expression:
        regex = self.tokens.take_regex()
        if regex is not None:
            is_in = regex.is_in
            return lambda row: (value := left(row)) is not None and is_in(text(value))
        token = self.tokens.next()
        if token.kind != "text":
            raise QueryMalformed(f"a text or a regular expression expected at character {token.start}")
        return lambda row: (value := left(row)) is not None and token.value in text(value)

    def _membership(self, left: Expression) -> Expression:
        self.tokens.expect("[")
        members = [self._binary(0)]
        while self.tokens.take(","):
            members.append(self._binary(0))
        self.tokens.expect("]")
        return lambda row: any(_compared(left(row), member(row), operator.eq) for member in members)

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while sign := self.tokens.take(*_LEVELS[level]):
            self.calculations += 1
            if self.calculations > _MOST_CALCULATIONS:
                raise QueryMalformed("the expression has too many operators")
            left = _calculation(left, self._binary(level + 1), sign)
        return left

    def _unary(self) -> Expression:
        if self.tokens.take("-"):
            operand = self._primary()
            return lambda row: None if (value := number(operand(row))) is None else -value
        return self._primary()

    def _primary(self) -> Expression:
        if self.tokens.take("("):
            inner = self.parse()
            self.tokens.expect(")")
            return inner
        token = self.tokens.next()
        if token.kind == "text":
            return lambda _row: token.value
        if token.kind == "number":
            value = float(token.value) if re.search(r"[.eE]", token.value) else int(token.value[:300])
            return lambda _row: value
        if token.kind != "name":
            raise QueryMalformed(f"a field or a value expected at character {token.start}, found {token.value!r}")
        if self.tokens.take("("):
            return self._call(token.value)
        return lambda row: row.get(token.value)

    def _call(self, name: str) -> Expression:
        lower = name.lower()
        if lower == "bin":
            return self._bin()
        if lower in AGGREGATES or lower == "pct":
            return self._aggregate(lower)
        function = FUNCTIONS.get(lower)
        if function is None:
            raise QueryMalformed(f"the function {name} is not supported by the emulator")
        arguments = self._arguments()
        if len(arguments) < function.least or len(arguments) > (function.most or len(arguments)):
            raise QueryMalformed(f"the function {name} does not take {len(arguments)} arguments")
        return lambda row: function.call([argument(row) for argument in arguments])

    def _arguments(self) -> Sequence[Expression]:
        if self.tokens.take(")"):
            return []
        arguments = [self.parse()]
        while self.tokens.take(","):
            arguments.append(self.parse())
        self.tokens.expect(")")
        return arguments

    def _bin(self) -> Expression:
        token = self.tokens.next()
        if token.kind != "period":
            raise QueryMalformed(f"a period such as 5m expected at character {token.start}, found {token.value!r}")
        self.tokens.expect(")")
        length = period_ms(token.value)
        return lambda row: _floored(row.get("@timestamp"), length)

    def _aggregate(self, name: str) -> Expression:
        if self.aggregates is None:
            raise QueryMalformed(f"the function {name} can only be used in stats")
        calls, self.aggregates = self.aggregates, None  # aggregates of aggregates make no sense
        begin: Callable[[], Aggregate] | None = AGGREGATES.get(name)
        if name == "count" and (self.tokens.take("*") or self.tokens.peek().value == ")"):
            argument: Expression = lambda _row: True  # noqa: E731  # a row counts, whatever is in it
            self.tokens.expect(")")
        elif begin is not None:
            argument = self.parse()
            self.tokens.expect(")")
        else:
            argument, begin = self._percentile()
        self.aggregates = calls
        call = AggregateCall(begin or AGGREGATES[name], argument, f"{len(calls)} {name}")
        calls.append(call)
        return lambda row: row.fields.get(call.field)

    def _percentile(self) -> tuple[Expression, Callable[[], Aggregate]]:
        argument = self.parse()
        self.tokens.expect(",")
        token = self.tokens.next()
        percent = float(token.value) if token.kind == "number" else -1.0
        if not 0 <= percent <= 100:
            raise QueryMalformed(f"a percentage expected at character {token.start}, found {token.value!r}")
        self.tokens.expect(")")
        return argument, lambda: Percentile(percent)


def _floored(at_ms: Value, length: int) -> Value:
    found = number(at_ms)
    return None if found is None else Moment(int(found // length) * length)


def _negated(condition: Expression, *, negated: bool) -> Expression:
    return (lambda row: not condition(row)) if negated else condition


def _compared(left: Value, right: Value, compare: Callable[[Any, Any], bool]) -> bool:
    """Numbers by value if both are, else texts. A missing value is neither equal nor unequal to anything."""
    if left is None or right is None:
        return False
    left_number, right_number = number(left), number(right)
    if left_number is not None and right_number is not None:
        return compare(left_number, right_number)
    return compare(text(left), text(right))


def _calculation(left: Expression, right: Expression, sign: str) -> Expression:
    calculate = _ARITHMETIC[sign]

    def of(row: Row) -> Value:
        first, second = number(left(row)), number(right(row))
        if first is None or second is None:
            return None
        if sign == "^" and max(abs(first), abs(second)) > _LARGEST:
            return None
        try:
            result = calculate(float(first), float(second)) if sign == "^" else calculate(first, second)
        except (ArithmeticError, ValueError):
            return None
        return None if isinstance(result, complex) else result

    return of
