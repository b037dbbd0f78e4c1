"""Listening sockets."""

import socket

import pytest
from processing_emulator.adapters.listener import listen
from processing_emulator.errors import EmulatorError


def test_the_socket_names_its_protocol_so_that_answers_are_sent_at_once() -> None:
    with listen("127.0.0.1", 0) as made:
        assert made.proto == socket.IPPROTO_TCP


def test_a_port_in_use_is_a_sentence() -> None:
    with listen("127.0.0.1", 0) as made:
        port: int = made.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"port {port} of 127.0.0.1 is in use"), listen("127.0.0.1", port):
            pass
