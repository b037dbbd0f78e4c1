"""Listening sockets."""

import socket

import pytest

from processing_emulator.adapters.listener import listen
from processing_emulator.errors import EmulatorError


def test_socket_has_an_explicit_protocol_so_that_nodelay_is_set() -> None:
    with listen("127.0.0.1", 0) as made:
        assert made.proto == socket.IPPROTO_TCP


def test_port_in_use_is_reported() -> None:
    with listen("127.0.0.1", 0) as made:
        port: int = made.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"port {port} of 127.0.0.1 is in use"), listen("127.0.0.1", port):
            pass
