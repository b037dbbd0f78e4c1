"""When a request is repeated, and how long until the next attempt."""

import logging
import random
import ssl
import threading
import time
from dataclasses import dataclass

from processing_emulator.adapters.s3_store.errors import Refusal

logger = logging.getLogger(__name__)

WARNING_SECONDS = 60.0
"""A store that stays away is warned of this often, however many requests are repeated."""

_SHORTEST_SHARE = 0.5
"""A wait is between this share of its length and its length, so that many requests do not come back together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long a request is repeated after its first failure, and the wait before that, which doubles up to a limit."""

    patience_seconds: float = 90.0
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 5.0

    def wait_seconds(self, failures: int) -> float:
        """The wait after so many failures in a row, before jitter."""
        return min(self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** min(failures - 1, 30))


class Attempts:
    """The attempts of one request."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._give_up_at = 0.0

    def restart(self) -> None:
        """The last attempt has made progress: its failure counts as the first."""
        self._failures = 0

    def next_wait_seconds(self) -> float | None:
        """Count a failure; the wait before the next attempt, None when there is none."""
        now = time.monotonic()
        if self._failures == 0:
            self._give_up_at = now + self._policy.patience_seconds
        self._failures += 1
        if now >= self._give_up_at:
            return None
        wait = self._policy.wait_seconds(self._failures) * random.uniform(_SHORTEST_SHARE, 1.0)  # noqa: S311
        return min(wait, self._give_up_at - now)


def is_retryable(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, Refusal):
        return error.is_retryable
    return not isinstance(error, ssl.SSLCertVerificationError)


class OutageLog:
    """Warns of a store that does not answer, once for all requests that wait for it."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._quiet_until = 0.0

    def report(self, error: Exception) -> None:
        """A request failed and will be repeated."""
        now = time.monotonic()
        with self._lock:
            if now < self._quiet_until:
                return
            self._quiet_until = now + WARNING_SECONDS
        logger.warning("s3 request failed, retrying", extra={"endpoint": self._host, "error": _text_of(error)})


def _text_of(error: Exception) -> str:
    if isinstance(error, Refusal):
        return f"{error.code} ({error.status}): {error.message}"
    return str(error) or type(error).__name__
