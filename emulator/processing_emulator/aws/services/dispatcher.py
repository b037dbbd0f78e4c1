"""Finds the operation a request asks for and calls it. Synchronous; runs in a worker thread."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.codec import Address, Codec, Reply, ServiceKey, WireRequest
from processing_emulator.aws.protocols.model import ServiceModel
from processing_emulator.aws.protocols.service_names import name_of
from processing_emulator.aws.protocols.wire_errors import GAPS_PAGE, ErrorForms, WireError
from processing_emulator.aws.services.latencies import Answered, OperationLatencies
from processing_emulator.aws.services.operation import NO_FORMS, Handler, Operation
from processing_emulator.aws.signatures.errors import Refusal, SignatureError
from processing_emulator.errors import RequestError, UnknownOperation
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.log_context import add_log_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service by botocore's name: handlers by operation, and how it words errors.

    `special_forms`: by operation, where that words errors in another way than its service.
    """

    name: str
    handlers: Mapping[str, Handler]
    forms: ErrorForms = field(default_factory=lambda: NO_FORMS)
    special_forms: Mapping[str, ErrorForms] = field(default_factory=lambda: MappingProxyType({}))


class Dispatcher:
    """Serves the operations of all services, whatever protocol they are asked in."""

    def __init__(
        self,
        services: Iterable[Service],
        load_model: Callable[[str], ServiceModel],
        latencies: OperationLatencies | None = None,
        faults: RequestFaults | None = None,
    ) -> None:
        self._faults = faults or RequestFaults()
        self._latencies = latencies or OperationLatencies()
        self._models: dict[tuple[ServiceKey, str], ServiceModel] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        for service in services:
            self._add(service, load_model(service.name))

    def _add(self, service: Service, model: ServiceModel) -> None:
        if model.target_prefix:
            self._models[ServiceKey.TARGET_PREFIX, model.target_prefix] = model
        self._models[ServiceKey.SIGNING_NAME, model.signing_name] = model
        self._models[ServiceKey.API_VERSION, model.version] = model
        for name, handle in service.handlers.items():
            forms = {**service.forms, **service.special_forms.get(name, NO_FORMS)}
            self._operations[model.name, name] = Operation(model, name, handle, forms)

    def reply(self, codec: Codec, request: WireRequest, context: RequestContext) -> Reply:
        """Serve one request. Raises RequestError; a WireError where the operation words it.

        Raises SignatureError where a verified signature is one for another service.
        """
        operation = self._operation(codec.address(request), context)
        add_log_fields(operation=operation.title)
        outcome, began = "failed", time.perf_counter()
        try:
            self._raise_fault(operation, context)
            reply = operation.reply(codec, request, context)
            outcome = "ok"
        except RequestError as error:
            outcome = "refused"
            raise operation.wire_error(error, codec) from error
        finally:
            self._latencies.observe(Answered(operation.title, outcome), time.perf_counter() - began)
        return reply

    def _raise_fault(self, operation: Operation, context: RequestContext) -> None:
        """Raises WireError, where a test asked for it."""
        fault = self._faults.take(context.account, operation.service, operation.name)
        if fault is not None:
            raise WireError(code=fault.code, message=fault.message, status=fault.status)

    def _operation(self, address: Address, context: RequestContext) -> Operation:
        """Raises UnknownOperation, SignatureError."""
        model = self._models.get((address.key, address.service))
        if model is None:
            raise UnknownOperation(_other_service(address))
        if context.is_verified and context.service != model.signing_name:
            raise _other_scope(model)
        if address.operation not in model.operation_names or address.version not in (None, model.version):
            raise UnknownOperation(_unknown_operation(model, address))
        operation = self._operations.get((model.name, address.operation))
        if operation is None:
            raise UnknownOperation(_not_supported(f"{model.service_id} {address.operation}"))
        return operation


def _other_scope(model: ServiceModel) -> SignatureError:
    text = f"Credential should be scoped to correct service: '{model.signing_name}'."
    return SignatureError(Refusal.MISMATCH, text)


def _other_service(address: Address) -> str:
    operation, service = _printable(address.operation), name_of(address)
    if service is not None:
        return _not_supported(f"{service} {operation}")
    if address.key is ServiceKey.TARGET_PREFIX:
        return f"{_printable(address.service)}.{operation} is not an operation of any AWS service known here"
    return _could_not_find(address)


def _unknown_operation(model: ServiceModel, address: Address) -> str:
    if address.key is ServiceKey.TARGET_PREFIX:
        return f"{model.service_id} has no operation {_printable(address.operation)}"
    return _could_not_find(address)


def _not_supported(what: str) -> str:
    return f"{what} is not supported by the emulator; {GAPS_PAGE} lists what is"


def _could_not_find(address: Address) -> str:
    """The text of the services of the query protocol."""
    operation, version = _printable(address.operation), _printable(address.version or "")
    return f"Could not find operation {operation} for version {version}; {GAPS_PAGE} lists what the emulator supports"


def _printable(text: str) -> str:
    return "".join(character for character in text[:128] if character.isprintable())
