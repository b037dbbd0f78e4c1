"""Reads a container's output in batches of lines, each line once, as far as the engine has kept it.

The engine cannot be trusted to resume reading (seen with Engine 20.10; later ones still skip files when the reader is
slow). Follow mode skips and repeats lines when the log continues in a new file before the old one was read completely,
and may stop in the middle when the container exits; `since` skips whole files. Reading the last N lines is correct and
cheap. So we follow from the first line on, counting how large the first file may be by now. When it may be full, or
when following ends, we read the end of the log in passes, each of which continues after the last line delivered.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Protocol, cast

import docker.errors
import requests
from docker import APIClient

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import container_info, log_file_bytes
from processing_emulator.adapters.docker_runtime.errors import TRANSPORT_ERRORS
from processing_emulator.adapters.docker_runtime.frames import Dechunker, Demuxer
from processing_emulator.domain.job import NANOSECONDS
from processing_emulator.domain.log_events import PIECE_BYTES
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.ports import RawLine

READ_BYTES = 256 * 1024

PAUSE_SECONDS = 0.5
"""Between two passes."""

TAIL_GROWTH = 16
LONGEST_TAIL = TAIL_GROWTH**6
"""A pass requests the last line of the log. If that is not enough, it requests this many times as many lines, again and
again, and in the end all of them.
"""

STAMPS_APART_NS = NANOSECONDS
"""Two threads of the engine copy standard output and standard error, so lines may not be in the order of their stamps;
those out of order are never this far apart.
"""

_JSON_SPECIAL = bytes(c for c in range(256) if c < 0x20 or c >= 0x7F or c in b'"\\<>&')
_ESCAPE_BYTES = 5
_SPECIAL_IN_HEADER = 6
_ENTRY_BYTES, _FRAME_BYTES = 71, 40


class Pause(Protocol):
    """Waits for some seconds; returns True if reading must end. `threading.Event.wait` is one."""

    def __call__(self, timeout: float, /) -> bool: ...


class LogReader:
    """Reads the logs of one engine's containers."""

    def __init__(self, engine: Engine, pause: Pause, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._pause = pause
        self._monotonic = monotonic

    def stream(
        self, container_id: str, since_second: int, when_lost: Callable[[], None]
    ) -> Iterator[Sequence[RawLine]]:
        """See `ContainerRuntime.stream_logs`."""
        with self._engine.call(Call.INSPECT) as api:
            first_file_bytes = log_file_bytes(api.inspect_container(container_id))
        since_ns = since_second * NANOSECONDS
        try:
            for lines in self._lines(container_id, first_file_bytes, when_lost):
                if fresh := [line for line in lines if line.at_ns >= since_ns] if since_ns else lines:
                    yield fresh
        except _BrokenOff:
            return

    def _lines(
        self, container_id: str, first_file_bytes: int | None, when_lost: Callable[[], None]
    ) -> Iterator[list[RawLine]]:
        """All lines: followed as long as that is safe, then read in passes until the container exits."""
        position = ReadPosition()
        for lines in self._follow(container_id, first_file_bytes):
            yield lines
            position.advance(lines)
        try:
            yield from self._pass_until_exited(container_id, position, when_lost)
        except RuntimeUnavailable as error:
            raise _BrokenOff from error

    def _follow(self, container_id: str, first_file_bytes: int | None) -> Iterator[list[RawLine]]:
        """Follow until the engine ends the stream, or until the first file may be full."""
        file_bytes = 0
        for payload, lines in self._batches(container_id, follow=1):
            file_bytes += most_file_bytes(payload, len(lines))
            if first_file_bytes is not None and file_bytes >= first_file_bytes:
                return
            if lines:
                yield lines

    def _pass_until_exited(
        self, container_id: str, position: "ReadPosition", when_lost: Callable[[], None]
    ) -> Iterator[list[RawLine]]:
        exited = False
        while not exited:
            started = self._monotonic()
            with self._engine.call(Call.INSPECT) as api:
                exited = container_info(api.inspect_container(container_id)).exit is not None
            for lines in self._read_behind(container_id, position, when_lost):
                yield lines
                position.advance(lines)
            # A pass within a very long line reads that line from its beginning, so passes must not follow closely.
            if not exited and self._pause(max(PAUSE_SECONDS, self._monotonic() - started)):
                return

    def _read_behind(
        self, container_id: str, position: "ReadPosition", when_lost: Callable[[], None]
    ) -> Iterator[list[RawLine]]:
        """The lines after a position; all lines if the engine no longer has the line there."""
        position = replace(position)
        tail = 1 + position.pieces
        while position.last is not None and tail <= LONGEST_TAIL:
            window = Window(position)
            for _, lines in self._batches(container_id, tail=tail):
                if window.begins_too_late(lines):
                    break
                if fresh := window.behind(lines):
                    yield fresh
            if window.found:
                return
            tail *= TAIL_GROWTH
        if position.last is not None:
            when_lost()
        skip = position.pieces if position.last is None else 0
        for _, lines in self._batches(container_id):
            fresh = lines[skip:]
            skip -= len(lines) - len(fresh)
            if fresh:
                yield fresh
        if skip:
            when_lost()

    def _batches(self, container_id: str, **query: int) -> Iterator[tuple[bytes, list[RawLine]]]:
        """The raw frames as they arrive, each with the lines that are complete by then."""
        with self._engine.call(Call.LOGS) as api:
            response = _request(api, container_id, query)
            if "follow" in query:
                _allow_silence(response)
        demuxer = Demuxer()
        with response:
            for payload in _payloads(response):
                yield payload, demuxer.feed(payload)


def most_file_bytes(payload: bytes, lines: int) -> int:
    """The largest size of these frames in the engine's file, where each line is a JSON document.

    The header and stamp of a frame take 40 bytes, the document around a line 71; a special character takes up to six.
    """
    special = len(payload) - len(payload.translate(None, _JSON_SPECIAL))
    return len(payload) + _ESCAPE_BYTES * (special - _SPECIAL_IN_HEADER * lines) + (_ENTRY_BYTES - _FRAME_BYTES) * lines


@dataclass(slots=True)
class ReadPosition:
    """How far a log was delivered: the last whole line, None at the beginning, and the full pieces behind it.

    The pieces of a line that the engine has cut all have its time stamp and may be equal, so they are counted.
    """

    last: RawLine | None = None
    pieces: int = 0

    def advance(self, lines: Sequence[RawLine]) -> None:
        """These lines were delivered, too."""
        for pieces, line in enumerate(reversed(lines)):
            if len(line.data) < PIECE_BYTES:
                self.last, self.pieces = line, pieces
                return
        self.pieces += len(lines)


class Window:
    """The last lines of a log, in which we look for the position up to which it was delivered."""

    def __init__(self, position: ReadPosition) -> None:
        self.found = False
        self._last = position.last
        self._skip = position.pieces
        self._begun = False

    def begins_too_late(self, lines: Sequence[RawLine]) -> bool:
        """Whether the first line of the window is too late for the window to contain the position."""
        if self._begun or not lines or self._last is None:
            return False
        self._begun = True
        return lines[0].at_ns > self._last.at_ns + STAMPS_APART_NS

    def behind(self, lines: list[RawLine]) -> list[RawLine]:
        """Those of the window's next lines that come after the position."""
        if not self.found:
            index = next((index for index, line in enumerate(lines) if line == self._last), None)
            if index is None:
                return []
            self.found = True
            lines = lines[index + 1 :]
        fresh = lines[self._skip :]
        self._skip -= len(lines) - len(fresh)
        return fresh


class _BrokenOff(Exception):
    """The stream broke off."""


def _request(api: APIClient, container_id: str, query: Mapping[str, int]) -> requests.Response:
    """docker-py's own `logs` reads frame by frame, in three reads each: too slow for millions of lines."""
    response = api.get(
        f"{api.base_url}/v{api.api_version}/containers/{container_id}/logs",
        params={"stdout": 1, "stderr": 1, "timestamps": 1, **query},
        stream=True,
    )
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        with response:
            docker.errors.create_api_error_from_http_exception(error)
    return response


def _allow_silence(response: requests.Response) -> None:
    """Drop the read timeout of a response whose head has arrived."""
    connection = response.raw.connection
    if connection is not None and connection.sock is not None:
        connection.sock.settimeout(None)


def _payloads(response: requests.Response) -> Iterator[bytes]:
    """The decoded body as it arrives. Raises _BrokenOff when it ends early."""
    if response.headers.get("Transfer-Encoding") != "chunked":
        yield response.content
        return
    # Below urllib3 and http.client, which hand out one chunk at a time; the engine makes one chunk per line.
    body = cast(IO[bytes], response.raw._fp.fp)  # type: ignore[union-attr]  # noqa: SLF001
    dechunker = Dechunker()
    while not dechunker.finished:
        yield dechunker.feed(_read_some(body))


def _read_some(body: IO[bytes]) -> bytes:
    try:
        data = body.read1(READ_BYTES)  # type: ignore[attr-defined]  # of a buffered reader: one read of the socket
    except (*TRANSPORT_ERRORS, ValueError) as error:  # ValueError: closed by another thread
        raise _BrokenOff from error
    if not data:
        raise _BrokenOff
    return bytes(data)
