"""Responses on their way to the client, for middleware that watches or replaces them."""

from starlette.types import Message, Send


class TrackedResponse:
    """Passes a response on; `has_begun` once the client has got some of it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        self.has_begun = True
        await self._send(message)


class BufferedResponse:
    """Holds a short response back, so that another can be sent instead."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.is_complete = False

    async def send(self, message: Message) -> None:
        """Store a message."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
            return
        self.body += message.get("body", b"")
        self.is_complete = not message.get("more_body", False)

    async def release(self, send: Send) -> None:
        """Send what has been stored."""
        if self.status:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": not self.is_complete})

    def replace(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        """Replace status and body. The other headers stay, except those that describe the body."""
        kept = [(name, value) for name, value in self.headers if name not in (b"content-type", b"content-length")]
        self.status, self.body = status, body
        self.headers = [*kept, *headers, (b"content-length", str(len(body)).encode())]
