"""A body in signed chunks on its way to a store: what may pass when, and what is held back."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from processing_emulator.aws.s3.aws_chunked import ChunkDecoder
from processing_emulator.aws.signatures.chunk_signatures import ChunkVerifier
from processing_emulator.aws.signatures.chunked_payload import ChunkedPayload
from processing_emulator.aws.signatures.parsing import Flaw
from starlette.types import Message

from tests.unit.aws.chunked import signed_upload
from tests.unit.aws.test_chunk_signatures import seed_for

PIECES = (b"a" * 300, b"b" * 20, b"c" * 40)
LENGTH = 360
GONE = {"type": "http.disconnect"}

HEAD, UPLOAD = signed_upload(PIECES)
BODY = UPLOAD.wire
LINES = 2 * len(b"\r\n12c;chunk-signature=\r\n") + 2 * 64
"""No lines of the framing between two pieces of data are longer, in bytes."""


class Client:
    """Sends a body in pieces; one that gives up goes without having said that this was all."""

    def __init__(self, body: bytes, step: int, *, gives_up: bool = False) -> None:
        self.sent = 0
        self._body = body
        self._step = step
        self._gives_up = gives_up

    async def receive(self) -> Message:
        """The next piece."""
        if self.sent >= len(self._body):
            return GONE
        piece = self._body[self.sent : self.sent + self._step]
        self.sent += len(piece)
        return {"type": "http.request", "body": piece, "more_body": self.sent < len(self._body) or self._gives_up}


def passed(client: Client, step: int) -> tuple[bytes, bool, Flaw | None]:
    """What passes of a body, whether the reader hears of its end, and what was wrong with it.

    On the way it is checked that neither too much is held, nor too little.
    """
    seed, _, _ = seed_for(HEAD)
    payload = ChunkedPayload(client.receive, ChunkVerifier(seed, LENGTH, has_trailer=False))

    async def run() -> tuple[bytes, bool]:
        body, decoder, found = b"", ChunkDecoder(LENGTH), 0
        while (message := await payload.receive()).get("more_body", False):
            body += message["body"]
            found += len(decoder.feed(message["body"]))
            assert found < LENGTH, "the whole object passed before the last signature was known"
            assert client.sent - len(body) <= 2 * step + LINES
        assert await payload.receive() == GONE
        return body + message.get("body", b""), message["type"] == "http.request"

    body, has_end = asyncio.run(run())
    return body, has_end, payload.refused.flaw if payload.refused else None


@given(st.integers(1, 800))
def test_a_body_that_was_signed_passes_as_it_is(step: int) -> None:
    assert passed(Client(BODY, step), step) == (BODY, True, None)


@given(st.integers(1, 800), st.integers(0, len(BODY) - 1))
def test_of_a_body_that_was_changed_the_reader_hears_no_end(step: int, at: int) -> None:
    other = BODY[:at] + b"\0" + BODY[at + 1 :]

    body, has_end, flaw = passed(Client(other, step), step)

    assert other.startswith(body)
    assert not has_end
    assert flaw is not None


@given(st.integers(1, 800), st.integers(0, len(BODY)))
def test_a_client_that_goes_is_no_flaw(step: int, sent: int) -> None:
    client = Client(BODY[:sent], step, gives_up=True)

    body, has_end, flaw = passed(client, step)

    assert BODY.startswith(body)
    assert (has_end, flaw) == (False, None)


@given(st.integers(1, 800))
def test_the_end_of_another_upload_is_refused(step: int) -> None:
    """Its data is as long, so that a store would have been content with it."""
    _, other = signed_upload((PIECES[0], PIECES[1], b"d" * 40))
    body = BODY[: BODY.index(b"c" * 40) - len(b"28;chunk-signature=\r\n") - 64]
    body += other.wire[len(body) :]

    assert passed(Client(body, step), step)[1:] == (False, Flaw.MISMATCH)
