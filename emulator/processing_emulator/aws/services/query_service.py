"""The services of the query protocol: from a form to XML. Synchronous; runs in a worker thread.

The models are read when a service is first asked: most runs of the server never do.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from processing_emulator.aws.http.reply import QUERY_MEDIA_TYPE, Reply, query_error
from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.http.routing import QUERY_VERSIONS
from processing_emulator.aws.protocols.model import OperationModel, ServiceModel, load_service_model
from processing_emulator.aws.protocols.query_requests import compile_form_parser, read_form
from processing_emulator.aws.protocols.query_responses import query_document
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.aws.protocols.wire_errors import ErrorForm, ErrorForms, internal_failure, wire_error
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import MalformedBody, RequestError, UnknownOperation, Unsupported, ValidationFailed

logger = logging.getLogger(__name__)

QUERY_FORMS: ErrorForms = MappingProxyType(
    {
        ValidationFailed: ErrorForm("ValidationError"),
        Unsupported: ErrorForm("ValidationError"),
        MalformedBody: ErrorForm("MalformedInput"),
        UnknownOperation: ErrorForm("InvalidAction"),
    }
)
"""How the services of the query protocol word errors."""

_GAPS = "docs/reference/operations.md lists what the emulator supports"


@dataclass(frozen=True, slots=True, kw_only=True)
class _QueryOperation:
    """A parser and a validator made from the model, and the handler behind them."""

    model: OperationModel
    parse: Callable[[Mapping[str, str]], dict[str, Any]]
    validate: Callable[[Mapping[str, object]], None]
    handle: Handler

    @classmethod
    def of(cls, model: OperationModel, handle: Handler) -> "_QueryOperation":
        return cls(
            model=model,
            parse=compile_form_parser(model.input),
            validate=compile_validator(model.input),
            handle=handle,
        )


class QueryService:
    """One service, by the name of its model. The first call reads it."""

    def __init__(
        self, name: str, handlers: Mapping[str, Handler], load: Callable[[str], ServiceModel] = load_service_model
    ) -> None:
        self.name = name
        self.handlers = handlers
        self._load = load
        self._lock = threading.Lock()
        self._loaded: tuple[ServiceModel, Mapping[str, _QueryOperation]] | None = None

    def call(self, context: RequestContext, form: Mapping[str, str]) -> bytes:
        """Serve one request. Raises RequestError of any kind."""
        model, operations = self._operations()
        operation = operations.get(form.get("Action", ""))
        if operation is None or form.get("Version") != model.version:
            raise _unknown_action(form)
        request = operation.parse(form)
        operation.validate(request)
        reply = operation.handle(context, request)
        return query_document(operation.model, model.xml_namespace, reply or {}, context.request_id)

    def _operations(self) -> tuple[ServiceModel, Mapping[str, _QueryOperation]]:
        with self._lock:
            if self._loaded is None:
                model = self._load(self.name)
                operations = {
                    name: _QueryOperation.of(model.operations[name], handle) for name, handle in self.handlers.items()
                }
                self._loaded = (model, operations)
            return self._loaded


class QueryDispatcher:
    """All services of the query protocol, told apart by the signature, or without one by the API's version."""

    def __init__(self, services: Mapping[str, QueryService]) -> None:
        """`services`: by signing name."""
        self._services = services

    def reply(self, signing_name: str, context: RequestContext, body: bytes) -> Reply:
        """Serve one request, whatever it is."""
        try:
            form = read_form(body)
            service = self._service(signing_name, form)
            return Reply(body=service.call(context, form), media_type=QUERY_MEDIA_TYPE)
        except RequestError as error:
            logger.debug("request_refused", extra={"request_id": context.request_id, "error": type(error).__name__})
            return query_error(wire_error(error, QUERY_FORMS), context.request_id)
        except Exception:
            logger.exception("request_failed", extra={"request_id": context.request_id})
            return query_error(internal_failure(), context.request_id)

    def _service(self, signing_name: str, form: Mapping[str, str]) -> QueryService:
        service = self._services.get(signing_name or QUERY_VERSIONS.get(form.get("Version", ""), ""))
        if service is None:
            raise _unknown_action(form)
        return service


def _unknown_action(form: Mapping[str, str]) -> UnknownOperation:
    """The refusal of an action that is not served, by its name."""
    action, version = (_printable(form.get(name, "")) for name in ("Action", "Version"))
    return UnknownOperation(f"Could not find operation {action} for version {version}; {_GAPS}")


def _printable(text: str) -> str:
    return "".join(character for character in text[:128] if character.isprintable())
