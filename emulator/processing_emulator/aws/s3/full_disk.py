"""Names a full disk, which the embedded store reports as an internal error without a cause."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.protocols.wire_errors import insufficient_storage

FullDisk: TypeAlias = Callable[[], str | None]
"""The sentence for a disk that is full, None while it is not."""


class NameFullDisk:
    """Replaces the store's 5xx responses while the disk is full."""

    def __init__(self, store: ASGIApp, full_disk: FullDisk) -> None:
        self._store = store
        self._full_disk = full_disk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sentence: str | None = None

        async def unless_full(message: Message) -> None:
            nonlocal sentence
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                sentence = self._full_disk()
            if sentence is None:
                await send(message)

        await self._store(scope, receive, unless_full)
        if sentence is not None:
            raise insufficient_storage(f"The S3 store failed: {sentence}.")
