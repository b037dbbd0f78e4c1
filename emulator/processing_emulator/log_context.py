"""Fields that every log line of a request or a job carries, whichever module writes the line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_FIELDS: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default=MappingProxyType({}))


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Add fields to every line logged inside: `with log_fields(request_id=...)`.

    They follow into tasks, and into threads that are started with a copy of the context (`asyncio.to_thread`,
    Starlette's `run_in_threadpool`); a plain `threading.Thread` must set its own.
    """
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


def current_log_fields() -> Mapping[str, object]:
    """The fields of the request or job at hand."""
    return _FIELDS.get()
