"""Replies that go on until the server stops, so that they end whole then, not in the middle of an event."""

import asyncio
import contextlib
import threading
from collections.abc import Callable


class OpenStreams:
    """Tells all streams once that the server stops. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []
        self._has_ended = False

    @property
    def has_ended(self) -> bool:
        """Streams end when this is true."""
        return self._has_ended

    def on_end(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` at the end; the result ends that. It must not block or fail."""
        with self._lock:
            self._wakers.append(wake)

        def stop() -> None:
            with self._lock:
                if wake in self._wakers:
                    self._wakers.remove(wake)

        return stop

    async def end_within(self, seconds: float) -> bool:
        """Wait for the end, at most for that time; whether it has come."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended by now
                loop.call_soon_threadsafe(ended.set)

        stop = self.on_end(wake)
        try:
            if not self._has_ended:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), seconds)
        finally:
            stop()
        return self._has_ended

    def end(self) -> None:
        """The server stops."""
        with self._lock:
            self._has_ended = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()
