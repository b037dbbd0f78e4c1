"""Calls an ASGI application without a socket."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

Headers = Sequence[tuple[str, str]]

JSON_TYPE = "application/x-amz-json-1.1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. `headers` have lower-case names; of repeated ones the last."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body, if it is a JSON object."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


def call(
    app: ASGIApp,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Headers = (("host", "127.0.0.1:9320"),),
    body: bytes | Iterable[bytes] = b"",
) -> Answer:
    """One request; `body` may come in chunks."""
    chunks = [body] if isinstance(body, bytes) else list(body)
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]
    sent = exchange(app, http_scope(method, path, headers), messages)
    start = next(message for message in sent if message["type"] == "http.response.start")
    return Answer(
        status=start["status"],
        headers={name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]},
        body=b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body"),
    )


def call_target(app: ASGIApp, target: str, body: bytes, *more: tuple[str, str]) -> Answer:
    """One request of the JSON protocol; headers in `more` replace the usual ones."""
    headers = {"host": "127.0.0.1:9320", "x-amz-target": target, "content-type": JSON_TYPE, **dict(more)}
    return call(app, headers=tuple(headers.items()), body=body)


def http_scope(method: str, path: str, headers: Headers) -> dict[str, Any]:
    """The scope of a request, as a server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 9320),
    }


def exchange(app: ASGIApp, scope: dict[str, Any], messages: Sequence[Message]) -> list[Message]:
    """Everything the application sends; it gets `messages`, then hears that the client has gone."""
    waiting = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    return sent
