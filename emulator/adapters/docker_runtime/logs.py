"""A container's output as batches of lines, every line once, as far as the engine has kept it.

The engine's own follow mode skips and repeats lines, and ends early, when the log moves on to a new file before all of
the old one was read (seen with Engine 20.10; later ones still skip files when the reader is slow). It is whole as long
as there is only the first file. So: follow from the container's first line on, counting how large the file can have
become; before it can be full, change over to passes over all files, each from the last seconds that were delivered.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import IO, Protocol, cast

import docker.errors
import requests
from docker import APIClient

from emulator.adapters.docker_runtime.clients import Call, Engine
from emulator.adapters.docker_runtime.containers import container_info, log_file_bytes
from emulator.adapters.docker_runtime.errors import TRANSPORT_ERRORS
from emulator.adapters.docker_runtime.frames import Dechunker, Demuxer
from emulator.domain.job import NANOSECONDS
from emulator.errors import RuntimeUnavailable
from emulator.ports import RawLine

READ_BYTES = 256 * 1024

SHORTEST_PAUSE_SECONDS = 0.5
PAUSE_PER_SCAN = 2.0
"""Between two passes, as a multiple of what the engine took to come to the first line: re-reading a large log may take
a third of one CPU, no more.
"""

_JSON_SPECIAL = bytes(c for c in range(256) if c < 0x20 or c >= 0x7F or c in b'"\\<>&')
_ESCAPE_BYTES = 5
_SPECIAL_IN_HEADER = 6
_ENTRY_BYTES, _FRAME_BYTES = 71, 40


class Pause(Protocol):
    """Waits so many seconds; True when everything is to end. `threading.Event.wait` is one."""

    def __call__(self, timeout: float, /) -> bool: ...


class LogReader:
    """Reads the logs of one engine's containers."""

    def __init__(self, engine: Engine, pause: Pause, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._pause = pause
        self._monotonic = monotonic

    def stream(self, container_id: str, since_second: int) -> Iterator[Sequence[RawLine]]:
        """See `ContainerRuntime.stream_logs`."""
        with self._engine.call(Call.INSPECT) as api:
            first_file_bytes = log_file_bytes(api.inspect_container(container_id))
        delivered = Delivered(since_second)
        try:
            whole = yield from self._follow(container_id, delivered, first_file_bytes)
            if not whole:
                yield from self._read_in_passes(container_id, delivered)
        except _BrokenOff:
            return

    def _follow(
        self, container_id: str, delivered: "Delivered", first_file_bytes: int | None
    ) -> Generator[Sequence[RawLine], None, bool]:
        """Follow until the container has exited (True), or until the first file may be full (False)."""
        file_bytes = 0
        for payload, lines in self._batches(container_id, follow=True, since_second=0):
            file_bytes += most_file_bytes(payload, len(lines))
            if first_file_bytes is not None and file_bytes >= first_file_bytes:
                return False
            if fresh := delivered.take(lines):
                yield fresh
        return True

    def _read_in_passes(self, container_id: str, delivered: "Delivered") -> Iterator[Sequence[RawLine]]:
        """Read all files again and again, from where the last pass ended, until the container has exited."""
        while True:
            exited = self._has_exited(container_id)
            began, scanned = self._monotonic(), None
            second, skip = delivered.resume_point()
            for _, lines in self._batches(container_id, follow=False, since_second=second):
                scanned = scanned or self._monotonic()
                fresh = delivered.take(lines[skip:])
                skip = max(0, skip - len(lines))
                if fresh:
                    yield fresh
            scan_seconds = (scanned or self._monotonic()) - began
            if exited or self._pause(max(SHORTEST_PAUSE_SECONDS, PAUSE_PER_SCAN * scan_seconds)):
                return

    def _has_exited(self, container_id: str) -> bool:
        try:
            with self._engine.call(Call.INSPECT) as api:
                return container_info(api.inspect_container(container_id)).exit is not None
        except RuntimeUnavailable as error:
            raise _BrokenOff from error

    def _batches(self, container_id: str, *, follow: bool, since_second: int) -> Iterator[tuple[bytes, list[RawLine]]]:
        """Whatever is there, as soon as it is there: the raw frames, and the lines complete by now."""
        with self._engine.call(Call.LOGS) as api:
            response = _request(api, container_id, follow=follow, since_second=since_second)
        demuxer = Demuxer()
        with response:
            for payload in _payloads(response):
                yield payload, demuxer.feed(payload)


def most_file_bytes(payload: bytes, lines: int) -> int:
    """The most that so many frames can take in the engine's file, where every line is a JSON document.

    A frame's header and stamp weigh 40 bytes, the document around a line 71; a special character becomes up to six.
    """
    special = len(payload) - len(payload.translate(None, _JSON_SPECIAL))
    return len(payload) + _ESCAPE_BYTES * (special - _SPECIAL_IN_HEADER * lines) + (_ENTRY_BYTES - _FRAME_BYTES) * lines


class Delivered:
    """Which lines were delivered: enough to go on in another reading of the same log.

    The two copiers of standard output and error may write lines in another order than they stamped them, but never a
    second apart. So one resumes a second before the newest stamp, and skips the lines delivered since then.
    """

    def __init__(self, since_second: int) -> None:
        self._since_second = since_second
        self._newest = since_second
        self._counts: Counter[int] = Counter()

    def take(self, lines: list[RawLine]) -> list[RawLine]:
        """The lines stamped at or after the second asked for, counted as delivered."""
        if self._since_second:
            since_ns = self._since_second * NANOSECONDS
            lines = [line for line in lines if line.at_ns >= since_ns]
        self._counts.update(line.at_ns // NANOSECONDS for line in lines)
        self._newest = max(self._newest, *self._counts) if self._counts else self._newest
        for second in [second for second in self._counts if second < self._newest - 1]:
            del self._counts[second]
        return lines

    def resume_point(self) -> tuple[int, int]:
        """From which second to read, and how many lines of that reading were delivered."""
        second = max(self._since_second, self._newest - 1)
        return second, sum(count for counted, count in self._counts.items() if counted >= second)


class _BrokenOff(Exception):
    """The engine went away in the middle."""


def _request(api: APIClient, container_id: str, *, follow: bool, since_second: int) -> requests.Response:
    """docker-py's own `logs` reads frame by frame, in three reads each: too slow for millions of lines."""
    response = api.get(
        f"{api.base_url}/v{api.api_version}/containers/{container_id}/logs",
        params={"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow), "since": since_second},
        stream=True,
    )
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        with response:
            docker.errors.create_api_error_from_http_exception(error)
    return response


def _payloads(response: requests.Response) -> Iterator[bytes]:
    """The body without its transfer coding, in pieces as they arrive. Raises _BrokenOff when it is cut short."""
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
