"""Pages of GetMetricData: a token says where the next one begins, in results and in the values of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from processing_emulator.domain.page_token import pack, unpack
from processing_emulator.errors import InvalidNextToken
from processing_emulator.metrics.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A series of the reply; `id` is that of its query."""

    id: str
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The values of a result that are on one page. `is_last`: none follow on the next."""

    result: Result
    values: Sequence[tuple[int, float]]
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPage:
    """The pieces of a page, and the token of the next, if there is one."""

    pieces: Sequence[Piece]
    next_token: str | None


def page_of(results: Sequence[Result], *, ascending: bool, limit: int, token: str | None, asked: str) -> DataPage:
    """At most `limit` values from where the token says. `asked` is what the next request must ask again.

    Raises InvalidNextToken for a token of another request.
    """
    seal = blake2b(asked.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    number, offset = (0, 0) if token is None else _opened(token, seal)
    pieces: list[Piece] = []
    while number < len(results) and (limit > 0 or not pieces):
        values = sorted(results[number].series.values.items(), reverse=not ascending)
        taken = values[offset : offset + limit]
        is_last = offset + len(taken) == len(values)
        if pieces and not taken and values:
            break
        pieces.append(Piece(result=results[number], values=taken, is_last=is_last))
        limit -= len(taken)
        number, offset = (number + 1, 0) if is_last else (number, offset + len(taken))
    return DataPage(pieces=pieces, next_token=pack([seal, number, offset]) if number < len(results) else None)


def _opened(token: str, seal: str) -> tuple[int, int]:
    try:
        made_for, number, offset = unpack(token)
    except ValueError as error:
        raise _wrong_token() from error
    if made_for != seal or not isinstance(number, int) or not isinstance(offset, int) or min(number, offset) < 0:
        raise _wrong_token()
    return number, offset


def _wrong_token() -> InvalidNextToken:
    return InvalidNextToken("The value for parameter NextToken is not valid.")
