"""Fields that every log line of a request or a job carries, whichever module writes the line."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from types import MappingProxyType

_FIELDS: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default=MappingProxyType({}))


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Add fields to every line logged inside: `with log_fields(request_id=...)`.

    Tasks, `asyncio.to_thread` and Starlette's `run_in_threadpool` inherit them; for a plain `threading.Thread` use
    `in_log_context`.
    """
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


@contextmanager
def no_log_fields() -> Iterator[None]:
    """Leave all fields out inside: for calls after which other work inherits the context, such as the next request."""
    token = _FIELDS.set(MappingProxyType({}))
    try:
        yield
    finally:
        _FIELDS.reset(token)


def add_log_fields(**fields: object) -> None:
    """Add fields to the `log_fields` block that this runs in, for later lines of other threads and tasks, too."""
    current = _FIELDS.get()
    if isinstance(current, dict):
        current.update(fields)


def in_log_context(target: Callable[[], None]) -> Callable[[], None]:
    """`target` for a new thread that logs with the fields of the thread that creates it."""
    return partial(copy_context().run, target)


def current_log_fields() -> Mapping[str, object]:
    """The fields of the request or job at hand."""
    return _FIELDS.get()
