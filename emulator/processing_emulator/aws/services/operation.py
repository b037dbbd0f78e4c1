"""One operation of a JSON service: from the bytes of a request to the bytes of its reply, by the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast

from processing_emulator.aws.http.request_context import Caller
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.aws.protocols.model import OperationModel
from processing_emulator.aws.protocols.narrowing import Narrowing
from processing_emulator.aws.protocols.reading import Reader, Reading, compile_reader
from processing_emulator.aws.protocols.wire_errors import COMMON_FORMS, ErrorForms
from processing_emulator.errors import RequestError

Handler = Callable[[Caller, Mapping[str, Any]], Mapping[str, object] | None]
"""Serves a valid request of the model's members; None where the service answers with an empty body."""

Outcome: TypeAlias = Mapping[str, object] | RequestError | None
"""What a handler answers, or why it refuses."""


class Checked(NamedTuple):
    """A request against which nothing speaks that can be told from itself."""

    caller: Caller
    request: Mapping[str, Any]


def _let_through(_reading: Reading) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHandler:
    """A handler that serves checked requests together when several came at the same time; outcomes in their order.

    Only for operations that are quick: the last of a group waits for the first. `check` raises RequestError for a
    valid request that is refused whatever is stored; it is called in the event loop, and told which requests
    `narrowing` lets pass. `never_waits`: all of it reads what is at hand, and no lock or network can hold it up, so
    that it may be served in the event loop itself.
    """

    handle_all: Callable[[Sequence[Checked]], Sequence[Outcome]]
    check: Callable[[Reading], None] = _let_through
    narrowing: Narrowing | None = None
    never_waits: bool = False

    def __call__(self, caller: Caller, request: Mapping[str, Any]) -> Mapping[str, object] | None:
        """Check and serve one. Raises RequestError."""
        self.check(Reading(request, is_plain=False))
        (outcome,) = self.handle_all([Checked(caller, request)])
        if isinstance(outcome, RequestError):
            raise outcome
        return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHandler:
    """A handler whose replies are long: milliseconds of Python's own work, of which little is done at the same time."""

    handle: Handler

    def __call__(self, caller: Caller, request: Mapping[str, Any]) -> Mapping[str, object] | None:
        """Serve one. Raises RequestError."""
        return self.handle(caller, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A reader of requests made from the model, and the handler behind it."""

    name: str
    read: Reader
    handle: Handler
    error_forms: ErrorForms = field(default_factory=lambda: COMMON_FORMS)

    @classmethod
    def of(cls, model: OperationModel, handle: Handler, error_forms: ErrorForms = COMMON_FORMS) -> "Operation":
        """The operation of a model, served by `handle`; its errors take the forms of its service."""
        return cls(
            name=model.name,
            read=compile_reader(model.input, handle.narrowing if isinstance(handle, GroupHandler) else None),
            handle=handle,
            error_forms=error_forms,
        )

    @property
    def is_grouped(self) -> bool:
        """Whether requests that come at the same time are served together."""
        return isinstance(self.handle, GroupHandler)

    @property
    def makes_pages(self) -> bool:
        """Whether few requests are better served at the same time."""
        return isinstance(self.handle, PageHandler)

    @property
    def never_waits(self) -> bool:
        """Whether it may be served in the event loop."""
        return isinstance(self.handle, GroupHandler) and self.handle.never_waits

    def call(self, caller: Caller, body: bytes) -> bytes:
        """Serve one request. Raises RequestError of any kind."""
        return _encoded(self.handle(caller, self.read(body).request))

    def checked(self, caller: Caller, body: bytes) -> Checked:
        """Read and check a request of a grouped operation. Raises RequestError of any kind."""
        reading = self.read(body)
        self._group_handler.check(reading)
        return Checked(caller, reading.request)

    def call_all(self, group: Sequence[Checked]) -> Sequence[bytes | RequestError]:
        """Serve requests of a grouped operation together; each has its own reply or refusal."""
        outcomes = self._group_handler.handle_all(group)
        return [outcome if isinstance(outcome, RequestError) else _encoded(outcome) for outcome in outcomes]

    @property
    def _group_handler(self) -> GroupHandler:
        return cast(GroupHandler, self.handle)


def _encoded(reply: Mapping[str, object] | None) -> bytes:
    return b"" if reply is None else encode_json(reply)
