"""Opens listening sockets, with a helpful error when an address is not available."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from processing_emulator.errors import EmulatorError

BACKLOG = 2048


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A TCP socket that listens; port 0 takes a free one. Raises EmulatorError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm only if the protocol is given; otherwise small responses wait 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
            made.listen(BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise EmulatorError(
                    f"port {port} of {host} is in use, maybe by another emulator; choose another with --port"
                ) from error
            raise EmulatorError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        yield made
