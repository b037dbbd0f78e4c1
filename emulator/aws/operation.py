"""One operation of a JSON service: from the bytes of a request to the bytes of its reply, by the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from emulator.aws.caller import Caller
from emulator.aws.errors import COMMON_FORMS, ErrorForms
from emulator.aws.model import OperationModel
from emulator.aws.parsing import Parser, compile_parser, decode_json
from emulator.aws.serializing import encode_json
from emulator.aws.validation import compile_validator
from emulator.errors import MalformedBody

Handler = Callable[[Caller, Mapping[str, Any]], Mapping[str, object] | None]
"""Serves a valid request of the model's members; None where the service answers with an empty body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A parser and a validator made from the model, and the handler behind them."""

    name: str
    parse: Parser
    validate: Callable[[Mapping[str, object]], None]
    handle: Handler
    error_forms: ErrorForms = field(default_factory=lambda: COMMON_FORMS)

    @classmethod
    def of(cls, model: OperationModel, handle: Handler, error_forms: ErrorForms = COMMON_FORMS) -> "Operation":
        """The operation of a model, served by `handle`; its errors take the forms of its service."""
        return cls(
            name=model.name,
            parse=compile_parser(model.input),
            validate=compile_validator(model.input),
            handle=handle,
            error_forms=error_forms,
        )

    def call(self, caller: Caller, body: bytes) -> bytes:
        """Serve one request. Raises RequestError of any kind."""
        document = decode_json(body)
        if not isinstance(document, dict | list):
            raise MalformedBody("The body is not a JSON object")
        request = cast(dict[str, Any], self.parse(document))
        self.validate(request)
        reply = self.handle(caller, request)
        return b"" if reply is None else encode_json(reply)
