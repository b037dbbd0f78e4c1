"""From a target to its operation, and from whatever happens there to a reply. Synchronous; runs in a worker thread.

The outermost loop of a request: nothing gets past it but replies.
"""

import logging
from collections.abc import Mapping, Sequence

from processing_emulator.aws.http.reply import Reply, json_error
from processing_emulator.aws.http.request_context import Caller
from processing_emulator.aws.protocols.wire_errors import COMMON_FORMS, ErrorForms, internal_failure, wire_error
from processing_emulator.aws.services.operation import Checked, Operation
from processing_emulator.errors import RequestError, StoreFailure, UnknownOperation

logger = logging.getLogger(__name__)


class Dispatcher:
    """Serves the operations of all JSON services by their X-Amz-Target."""

    def __init__(self, operations: Mapping[str, Operation], known_targets: frozenset[str] = frozenset()) -> None:
        """`operations`: by target, such as `SageMaker.CreateProcessingJob`. `known_targets`: what the services have,
        served here or not; what is not served is refused in other words than what nobody knows.
        """
        self._operations = operations
        self._known_targets = known_targets
        self._grouped = {target for target, operation in operations.items() if operation.is_grouped}
        self._making_pages = {target for target, operation in operations.items() if operation.makes_pages}
        self._never_waiting = {target for target, operation in operations.items() if operation.never_waits}

    def reply(self, target: str, caller: Caller, body: bytes) -> Reply:
        """Serve one request, whatever it is."""
        forms = COMMON_FORMS
        try:
            operation = self._operation(target)
            forms = operation.error_forms
            return Reply(body=operation.call(caller, body))
        except RequestError as error:
            return _refusal(error, forms, target, caller)
        except Exception:
            logger.exception("request_failed", extra={"target": target, "request_id": caller.request_id})
            return json_error(internal_failure())

    def is_grouped(self, target: str) -> bool:
        """Whether requests for this target are better served together."""
        return target in self._grouped

    def makes_pages(self, target: str) -> bool:
        """Whether few requests for this target are better served at the same time."""
        return target in self._making_pages

    def never_waits(self, target: str) -> bool:
        """Whether a group for this target may be served in the event loop."""
        return target in self._never_waiting

    def checked(self, target: str, caller: Caller, body: bytes) -> Checked | Reply:
        """Read and check a request of a grouped operation, or refuse it."""
        operation = self._operations[target]
        try:
            return operation.checked(caller, body)
        except RequestError as error:
            return _refusal(error, operation.error_forms, target, caller)
        except Exception:
            logger.exception("request_failed", extra={"target": target, "request_id": caller.request_id})
            return json_error(internal_failure())

    def reply_all(self, target: str, group: Sequence[Checked]) -> list[Reply]:
        """Serve requests of one grouped operation; replies in their order."""
        operation = self._operations[target]
        try:
            return [
                _refusal(result, operation.error_forms, target, asked.caller)
                if isinstance(result, RequestError)
                else Reply(body=result)
                for asked, result in zip(group, operation.call_all(group), strict=True)
            ]
        except RequestError as error:
            return [_refusal(error, operation.error_forms, target, asked.caller) for asked in group]
        except StoreFailure:
            # It would fail each of them alone, too, and each would wait for the lock of a database that is locked.
            first = group[0].caller.request_id
            logger.exception("request_failed", extra={"target": target, "request_id": first, "requests": len(group)})
            return [json_error(internal_failure()) for _ in group]
        except Exception:
            if len(group) == 1:
                logger.exception("request_failed", extra={"target": target, "request_id": group[0].caller.request_id})
                return [json_error(internal_failure())]
            # A transaction holds all of them or none: whoever is at fault is found when each is served alone.
            logger.debug("group_failed", extra={"target": target}, exc_info=True)
        return [reply for asked in group for reply in self.reply_all(target, [asked])]

    def _operation(self, target: str) -> Operation:
        operation = self._operations.get(target)
        if operation is not None:
            return operation
        if target in self._known_targets:
            raise UnknownOperation(
                f"{target} is not supported by the emulator; docs/reference/operations.md lists what is"
            )
        raise UnknownOperation(f"{target[:255]} is not an operation of this emulator")


def _refusal(error: RequestError, forms: ErrorForms, target: str, caller: Caller) -> Reply:
    logger.debug(
        "request_refused",
        extra={"target": target, "request_id": caller.request_id, "error": type(error).__name__},
    )
    return json_error(wire_error(error, forms))
