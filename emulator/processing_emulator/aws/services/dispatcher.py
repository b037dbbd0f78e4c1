"""From a target to its operation, and from whatever happens there to a reply. Synchronous; runs in a worker thread.

The outermost loop of a request: nothing gets past it but replies.
"""

import logging
from collections.abc import Mapping

from processing_emulator.aws.http.reply import Reply, json_error
from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.wire_errors import COMMON_FORMS, ErrorForms, internal_failure, wire_error
from processing_emulator.aws.services.operation import Operation
from processing_emulator.errors import RequestError, UnknownOperation

logger = logging.getLogger(__name__)


class Dispatcher:
    """Serves the operations of all JSON services by their X-Amz-Target."""

    def __init__(self, operations: Mapping[str, Operation], known_targets: frozenset[str] = frozenset()) -> None:
        """`operations`: by target, such as `SageMaker.CreateProcessingJob`. `known_targets`: what the services have,
        served here or not; what is not served is refused in other words than what nobody knows.
        """
        self._operations = operations
        self._known_targets = known_targets

    def reply(self, target: str, context: RequestContext, body: bytes) -> Reply:
        """Serve one request, whatever it is."""
        forms = COMMON_FORMS
        try:
            operation = self._operation(target)
            forms = operation.error_forms
            return Reply(body=operation.call(context, body))
        except RequestError as error:
            return _refusal(error, forms, target, context)
        except Exception:
            logger.exception("request_failed", extra={"target": target, "request_id": context.request_id})
            return json_error(internal_failure())

    def _operation(self, target: str) -> Operation:
        operation = self._operations.get(target)
        if operation is not None:
            return operation
        if target in self._known_targets:
            raise UnknownOperation(
                f"{target} is not supported by the emulator; docs/reference/operations.md lists what is"
            )
        raise UnknownOperation(f"{target[:255]} is not an operation of this emulator")


def _refusal(error: RequestError, forms: ErrorForms, target: str, context: RequestContext) -> Reply:
    logger.debug(
        "request_refused",
        extra={"target": target, "request_id": context.request_id, "error": type(error).__name__},
    )
    return json_error(wire_error(error, forms))
