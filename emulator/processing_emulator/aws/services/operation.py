"""One operation of a JSON service: from the bytes of a request to the bytes of its reply, by the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.aws.protocols.model import OperationModel
from processing_emulator.aws.protocols.reading import Reader, compile_reader
from processing_emulator.aws.protocols.wire_errors import COMMON_FORMS, ErrorForms

Handler = Callable[[RequestContext, Mapping[str, Any]], Mapping[str, object] | None]
"""Serves a valid request of the model's members; None where the service answers with an empty body."""


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
        return cls(name=model.name, read=compile_reader(model.input), handle=handle, error_forms=error_forms)

    def call(self, context: RequestContext, body: bytes) -> bytes:
        """Serve one request. Raises RequestError of any kind."""
        reply = self.handle(context, self.read(body))
        return b"" if reply is None else encode_json(reply)
