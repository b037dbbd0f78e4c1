"""The event-stream encoding, read by botocore's own decoder, and how a reply that goes on is sent."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import anyio
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from processing_emulator.aws.http.streamed_reply import send_streamed
from processing_emulator.aws.protocols.codec import Chunks, Reply
from processing_emulator.aws.protocols.event_stream import EventStream, StreamEvent, encoded, message
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.open_streams import OpenStreams


def decoded(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(found.headers, found.payload) for found in buffer]


@given(
    headers=st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=50), max_size=5),
    payload=st.binary(max_size=300),
)
def test_botocore_reads_what_is_written(headers: dict[str, str], payload: bytes) -> None:
    assert decoded(message(headers, payload) * 2) == [(headers, payload)] * 2


def test_a_stream_begins_with_an_empty_reply_and_tells_exceptions_from_events() -> None:
    events = iter([[StreamEvent("a", {"x": 1})], [], [StreamEvent("E", {"message": "no"}, is_exception=True)]])
    stream = EventStream(events=events, interval_seconds=1)

    parts = [decoded(part) for part in encoded(stream, encode_json, "application/json")]

    kinds = [[(headers[":message-type"], payload) for headers, payload in part] for part in parts]
    assert kinds == [[("event", b"{}"), ("event", b'{"x":1}')], [], [("exception", b'{"message":"no"}')]]
    assert parts[0][0][0][":event-type"] == "initial-response"
    assert parts[2][0][0][":exception-type"] == "E"


class Client:
    """Takes some parts of a reply and goes."""

    def __init__(self, parts: int) -> None:
        self.sent: list[Message] = []
        self._left = parts
        self._gone = anyio.Event()

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, sent: Message) -> None:
        self.sent.append(sent)
        if sent["type"] == "http.response.body":
            self._left -= 1
            if self._left == 0:
                self._gone.set()


async def send(client: Client, chunks: Chunks, streams: OpenStreams) -> None:
    with anyio.fail_after(10):
        reply, limiter = Reply(media_type="x"), anyio.CapacityLimiter(1)
        await send_streamed(client.receive, client.send, reply, chunks, limiter, streams)


@pytest.mark.parametrize(("bodies", "taken"), [(count(), 3), (iter(range(2)), 9)], ids=["client goes", "stream ends"])
def test_a_reply_ends_when_the_client_goes_or_nothing_follows(bodies: Iterator[int], taken: int) -> None:
    made: list[bytes] = []

    def parts() -> Iterator[bytes]:
        for number in bodies:
            made.append(b"%d" % number)
            yield made[-1]

    async def run() -> list[Message]:
        client = Client(taken)
        await send(client, Chunks(parts(), 0.01), OpenStreams())
        return client.sent

    head, *sent = anyio.run(run)

    assert head == {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"x")]}
    bodies_sent = [part["body"] for part in sent if part["body"]]
    assert bodies_sent == made[: len(bodies_sent)]
    assert len(made) <= len(bodies_sent) + 1
    assert sent[-1].get("more_body", False) is (taken == 3)


def test_a_reply_ends_whole_when_the_server_stops() -> None:
    streams = OpenStreams()

    def parts() -> Iterator[bytes]:
        yield b"one"
        raise AssertionError("nothing is made after the end")

    async def run() -> list[Message]:
        client = Client(9)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, client, Chunks(parts(), 3600), streams)
            while len(client.sent) < 2:
                await anyio.lowlevel.checkpoint()
            streams.end()
        return client.sent

    _head, *sent = anyio.run(run)

    assert sent == [
        {"type": "http.response.body", "body": b"one", "more_body": True},
        {"type": "http.response.body", "body": b""},
    ]
