"""Opens TCP and TLS connections that another thread can abort at every point."""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import TypeAlias

CONNECT_TIMEOUT_SECONDS = 5.0

LOOK_SECONDS = 0.1
"""How often the look-up of a name checks whether it is still wanted."""

_Address: TypeAlias = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


class Dialler:
    """Opens a connection. `opened` gets each socket before it connects, so that `socket.shutdown` can end the wait."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        opened: Callable[[socket.socket], None],
        stopped: threading.Event,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._opened = opened
        self._stopped = stopped

    def connect(self) -> socket.socket:
        """A connected socket. Raises OSError; ConnectionAbortedError once `stopped` is set."""
        failure: OSError | None = None
        for family, address in self._addresses():
            taken = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._announce(taken)
                taken.settimeout(CONNECT_TIMEOUT_SECONDS)
                taken.connect(address)
                taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._encrypted(taken)
            except OSError as error:
                taken.close()
                failure = error
                if self._stopped.is_set():
                    break
        raise failure or ConnectionAbortedError("the connection was aborted")

    def _announce(self, taken: socket.socket) -> None:
        self._opened(taken)
        if self._stopped.is_set():  # the abort may have come while there was no socket to shut down
            raise ConnectionAbortedError("the connection was aborted")

    def _encrypted(self, plain: socket.socket) -> socket.socket:
        if self._tls is None:
            return plain
        encrypted = self._tls.wrap_socket(plain, server_hostname=self._host, do_handshake_on_connect=False)
        try:
            self._announce(encrypted)
            encrypted.do_handshake()
        except OSError:
            encrypted.close()
            raise
        return encrypted

    def _addresses(self) -> Sequence[_Address]:
        with suppress(ValueError):
            ip_address(self._host)
            return _look_up(self._host, self._port)  # no name server is asked
        return self._looked_up_in_a_thread()

    def _looked_up_in_a_thread(self) -> Sequence[_Address]:
        """A name server that does not answer blocks for longer than a cancellation may take."""
        answers: SimpleQueue[Sequence[_Address] | OSError] = SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(_look_up(self._host, self._port))
            except OSError as error:
                answers.put(error)

        threading.Thread(target=look_up, name="s3-name", daemon=True).start()
        for _ in range(round(CONNECT_TIMEOUT_SECONDS / LOOK_SECONDS)):
            with suppress(Empty):
                answer = answers.get(timeout=LOOK_SECONDS)
                if isinstance(answer, OSError):
                    raise answer
                return answer
            if self._stopped.is_set():
                raise ConnectionAbortedError("the connection was aborted")
        raise TimeoutError(f"the name {self._host} was not resolved within {CONNECT_TIMEOUT_SECONDS:g} s")


def _look_up(host: str, port: int) -> Sequence[_Address]:
    return [(family, address) for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
