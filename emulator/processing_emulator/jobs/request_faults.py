"""Faults that a test asks for: the next requests for an operation get an error instead of being served."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """One fault, for requests of one account. `service` as boto3 calls it, `remaining`: how many requests it is for.

    `code` and `status` are those of the error on the wire, such as ThrottlingException and 400.
    """

    account: str
    service: str
    operation: str
    code: str
    message: str
    status: int
    remaining: int
    id: int = 0


class RequestFaults:
    """The faults of a server. They are not kept when it stops. Used by all threads that serve requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._faults: dict[int, RequestFault] = {}

    def add(self, fault: RequestFault) -> RequestFault:
        """Keep a fault; it gets an id."""
        with self._lock:
            kept = replace(fault, id=next(self._ids))
            self._faults[kept.id] = kept
            return kept

    def take(self, account: str, service: str, operation: str) -> RequestFault | None:
        """The oldest fault for such a request, which is used up by one."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if (fault.account, fault.service, fault.operation) == (account, service, operation):
                    if fault.remaining > 1:
                        self._faults[fault.id] = replace(fault, remaining=fault.remaining - 1)
                    else:
                        del self._faults[fault.id]
                    return fault
            return None

    def read(self) -> Sequence[RequestFault]:
        """Those that are not used up, the oldest first."""
        with self._lock:
            return list(self._faults.values())

    def remove(self, fault_id: int) -> bool:
        """Forget one; false if it is used up, or never was."""
        with self._lock:
            return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._faults.clear()
