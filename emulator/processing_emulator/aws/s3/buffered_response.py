"""An answer on its way to the client, for those who stand between."""

from starlette.types import Message, Send


class TrackedResponse:
    """Passes an answer on, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        """Pass it on."""
        self.has_begun = True
        await self._send(message)


class BufferedResponse:
    """Keeps a short answer back, so that another may be given in its place."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.is_whole = False

    async def send(self, message: Message) -> None:
        """Keep it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
            return
        self.body += message.get("body", b"")
        self.is_whole = not message.get("more_body", False)

    async def release(self, send: Send) -> None:
        """Give it after all; as much of it as there was."""
        if self.status:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": not self.is_whole})

    def replace(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        """Put another in its place; of its headers, those that say nothing about the body stay."""
        kept = [(name, value) for name, value in self.headers if name not in (b"content-type", b"content-length")]
        self.status, self.body = status, body
        self.headers = [*kept, *headers, (b"content-length", str(len(body)).encode())]
