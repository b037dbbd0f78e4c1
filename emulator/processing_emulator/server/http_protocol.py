"""uvicorn's HTTP/1.1 protocol with bounds on the head of a request: so many bytes, and so many seconds."""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LARGEST_HEAD_BYTES: Final = 64 * 1024
"""Several times what AWS services accept. h11 refuses more with status 400."""

HEAD_SECONDS: Final = 30.0
"""How long a client may take for the head of its request, and how long it may keep a new connection silent."""


class BoundedHeadProtocol(H11Protocol):
    """Closes connections on which no head of a request gets complete in time. uvicorn bounds idle ones only."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_watching(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
