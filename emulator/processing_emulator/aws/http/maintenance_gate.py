"""Keeps requests waiting while the server is being reset; those that wait too long are asked to come again."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

WAIT_SECONDS: Final = 30.0
"""Less than the time after which SDKs give a request up."""


class Gate:
    """Open unless closed. It is closed from any thread, and waited for in event loops."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._is_closed = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def is_closed(self) -> bool:
        """Whether those who come now have to wait."""
        return self._is_closed

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody who comes during the block gets through. Never nested."""
        with self._lock:
            self._is_closed = True
        try:
            yield
        finally:
            with self._lock:
                self._is_closed = False
                for loop, event in self._waiting:
                    loop.call_soon_threadsafe(event.set)

    async def passed(self) -> bool:
        """Wait until it is open; False when that takes too long."""
        me = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if not self._is_closed:
                return True
            self._waiting.add(me)
        try:
            await asyncio.wait_for(me[1].wait(), self._wait_seconds)
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._waiting.discard(me)
        return True
