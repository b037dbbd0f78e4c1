"""Bodies are read within bounds."""

import asyncio
import sys
from collections.abc import Iterator

import pytest
from starlette.types import Message

from processing_emulator.aws.http.body import ClientGone, read_body
from processing_emulator.aws.protocols.wire_errors import BodyTooLarge


class Client:
    """Sends the same ten bytes `chunks` times; counts how often, and the references to them at the end."""

    def __init__(self, chunks: int) -> None:
        self.taken = 0
        self.references = 0
        self._chunk = bytes(bytearray(b"x" * 10))
        self._chunks = chunks

    async def receive(self) -> Message:
        self.taken += 1
        self.references = sys.getrefcount(self._chunk)
        return {"type": "http.request", "body": self._chunk, "more_body": self.taken < self._chunks}


def test_a_body_within_the_bound_is_read_whole() -> None:
    assert asyncio.run(read_body(Client(10).receive, 100)) == b"x" * 100


def test_a_body_somewhat_too_large_is_read_to_its_end_before_the_refusal() -> None:
    client = Client(20)

    with pytest.raises(BodyTooLarge, match="100 bytes"):
        asyncio.run(read_body(client.receive, 100))

    assert client.taken == 20


def test_a_body_that_is_too_large_is_not_kept_in_memory() -> None:
    within, beyond = Client(10), Client(100)
    asyncio.run(read_body(within.receive, 100))

    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(beyond.receive, 100))

    assert within.references > 9
    assert beyond.references < 9


def test_a_body_that_is_far_too_large_is_not_read_to_its_end() -> None:
    client = Client(10_000)

    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(client.receive, 100))

    assert client.taken <= 161


def test_a_client_that_hangs_up_is_not_an_empty_body() -> None:
    messages: Iterator[Message] = iter([{"type": "http.request", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(messages)

    with pytest.raises(ClientGone):
        asyncio.run(read_body(receive, 100))
    messages = iter([{"type": "http.request"}])
    assert asyncio.run(read_body(receive, 100)) == b""
