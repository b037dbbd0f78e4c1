"""A name server that knows no name, and remembers for which it was asked."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HEADER_BYTES = 12
NXDOMAIN = 0x8183
"""A reply, recursion wanted and had, the name does not exist."""


class NameServer:
    """Answers every question over UDP with NXDOMAIN."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._names: list[str] = []

    def asked(self) -> list[str]:
        """The names looked up so far, in order."""
        with self._lock:
            return list(self._names)

    def forget(self) -> None:
        with self._lock:
            self._names.clear()

    def serve(self) -> None:
        """Answer until an empty datagram comes."""
        while True:
            query, sender = self._listener.recvfrom(4096)
            if not query:
                return
            name, question = _question(query)
            with self._lock:
                self._names.append(name)
            number = query[:2]
            self._listener.sendto(number + struct.pack("!5H", NXDOMAIN, 1, 0, 0, 0) + question, sender)


def _question(query: bytes) -> tuple[str, bytes]:
    """The name of the first question, and that question as it came: labels, a zero, type and class."""
    labels, at = [], HEADER_BYTES
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    return ".".join(labels), query[HEADER_BYTES : at + 5]


@contextmanager
def name_server(address: str) -> Iterator[NameServer]:
    """One that listens on port 53 of an address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 53))
        server = NameServer(listener)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", (address, 53))
            thread.join(10)
            assert not thread.is_alive(), "the name server does not end"
