"""What uvloop raises for a closed connection is dropped, and nothing else is."""

import asyncio
import socket

import pytest
import uvloop
from starlette.types import Message, Receive, Scope, Send

from emulator.cli.closed_connections import dropping_late_answers


async def write_behind_the_end() -> None:
    """As uvicorn does when it has hung up on a client whose earlier request is answered only then."""
    ours, theirs = socket.socketpair()
    with theirs:
        ended = asyncio.Event()
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: _Listener(ended), sock=ours)
        transport.close()
        await ended.wait()
        transport.write(b"late")


class _Listener(asyncio.Protocol):
    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, error: Exception | None) -> None:
        self._ended.set()


def serve(failing: Send) -> None:
    """One answer through a server's `send`, on uvloop."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def run() -> None:
        await dropping_late_answers(app)({"type": "http"}, receive, failing)

    uvloop.run(run())


def test_an_answer_to_a_connection_that_was_closed_is_dropped() -> None:
    async def send(message: Message) -> None:
        await write_behind_the_end()

    serve(send)


def test_other_errors_of_the_server_are_not_hidden() -> None:
    async def send(message: Message) -> None:
        raise RuntimeError("Expected ASGI message 'http.response.start'")

    with pytest.raises(RuntimeError, match="Expected ASGI message"):
        serve(send)


def test_uvloop_would_raise() -> None:
    """Why the module is there; when this fails, it can go."""
    with pytest.raises(RuntimeError, match="the handler is closed"):
        uvloop.run(write_behind_the_end())
