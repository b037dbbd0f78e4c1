"""A DNS server that resolves no name and records the names it is asked for."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HEADER_BYTES = 12
NXDOMAIN = 0x8183
"""DNS flags of a response: recursion desired and available, NXDOMAIN."""


class NameServer:
    """Answers every query over UDP with NXDOMAIN."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._names: list[str] = []

    def lookups(self) -> list[str]:
        """The names looked up since the last `clear`, in order."""
        with self._lock:
            return list(self._names)

    def clear(self) -> None:
        with self._lock:
            self._names.clear()

    def serve(self) -> None:
        """Answer queries until an empty datagram arrives."""
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
    """The name of the first question, and the bytes of that question: labels, a zero, type and class."""
    labels, at = [], HEADER_BYTES
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    return ".".join(labels), query[HEADER_BYTES : at + 5]


@contextmanager
def name_server(address: str) -> Iterator[NameServer]:
    """Run a name server on port 53 of a local address while the block runs."""
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
            assert not thread.is_alive(), "the name server does not stop"
