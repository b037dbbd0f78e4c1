"""Compares the body of an S3 upload with its signed digest while it streams."""

import hashlib
import hmac

from starlette.types import Message, Receive


class DigestCheckedBody:
    """Passes a body on, one chunk late: the last chunk is held back until the digest is known.

    When the digest is wrong, the reader sees a client that has gone. A store that was promised more bytes then keeps
    nothing.
    """

    def __init__(self, receive: Receive, digest: str) -> None:
        """`digest`: the SHA-256 in hex."""
        self.is_wrong = False
        self._receive = receive
        self._digest = digest
        self._sum = hashlib.sha256()
        self._held: Message | None = None
        self._is_over = False

    async def receive(self) -> Message:
        """The next message of the body."""
        if self._is_over:
            return await self._receive()
        if self._held is None:
            self._held = await self._next()
        while self._held.get("more_body", False):
            following = await self._next()
            if following["type"] != "http.request":
                self._is_over = True
                return following
            if not following.get("body"):
                self._held = {**self._held, "more_body": following.get("more_body", False)}
                continue
            passed, self._held = self._held, following
            if passed.get("body"):
                return passed
        return self._last()

    async def _next(self) -> Message:
        message = await self._receive()
        self._sum.update(message.get("body", b""))
        return message

    def _last(self) -> Message:
        self._is_over = True
        held = self._held or {"type": "http.disconnect"}
        if held["type"] == "http.request" and not hmac.compare_digest(self._sum.hexdigest(), self._digest):
            self.is_wrong = True
            return {"type": "http.disconnect"}
        return held
