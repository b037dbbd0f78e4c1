"""One operation that is served: its model, the handler behind it, and how its errors are worded."""

from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.codec import Codec, Decoder, Reply, WireRequest
from processing_emulator.aws.protocols.model import ServiceModel
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.aws.protocols.wire_errors import ErrorForms, WireError, wire_error
from processing_emulator.errors import RequestError
from processing_emulator.jobs.changes import JobState

Handler = Callable[[RequestContext, Mapping[str, Any]], Mapping[str, object] | None]
"""Serves a valid request of the model's members; None where the service answers with an empty body."""


class StatefulAnswer(dict[str, object]):
    """What a handler returns about a job whose next state a client may wait for; None once there is none."""

    state: JobState | None = None


NO_FORMS: Final[ErrorForms] = MappingProxyType({})


class Operation:
    """From a request to a reply, by any codec. What depends on the model alone is made on first use and kept."""

    def __init__(self, service: ServiceModel, name: str, handle: Handler, error_forms: ErrorForms = NO_FORMS) -> None:
        self.title = f"{service.service_id} {name}"
        self.service, self.name = service.name, name
        self._model = service.operations[name]
        self._handle = handle
        self._error_forms = error_forms
        self._decoders: dict[Codec, Decoder] = {}

    def reply(self, codec: Codec, request: WireRequest, context: RequestContext) -> Reply:
        """Decode, validate, handle, encode. Raises RequestError of any kind."""
        members = self._decoder(codec)(request)
        self._validate(members)
        answer = self._handle(context, members)
        reply = codec.encode(self._model, answer, context.request_id)
        return reply._replace(state=answer.state) if isinstance(answer, StatefulAnswer) else reply

    def wire_error(self, error: RequestError, codec: Codec) -> WireError:
        """The error in the words of the operation, of its service, or of the protocol."""
        return wire_error(error, self._error_forms, codec.error_forms)

    def _decoder(self, codec: Codec) -> Decoder:
        decoder = self._decoders.get(codec)
        if decoder is None:
            decoder = self._decoders[codec] = codec.decoder(self._model.input)
        return decoder

    @cached_property
    def _validate(self) -> Callable[[Mapping[str, object]], None]:
        return compile_validator(self._model.input)
