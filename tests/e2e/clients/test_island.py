"""That the watch over the clients sees what it must see: without this, their silence would prove nothing."""

import sys
from pathlib import Path

import pytest

from tests.e2e.clients.conftest import Outpost, lines_of

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

LOOK_UP = """
import socket
try:
    socket.getaddrinfo("sts.us-east-1.amazonaws.com", 443)
except OSError as error:
    print(error.strerror)
"""

CALL = """
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as end:
        try:
            end.connect(("169.254.169.254", 80))
        except OSError as error:
            print(error.strerror)
"""


def test_a_name_that_is_looked_up_is_noticed_and_not_found(outpost: Outpost, tmp_path: Path) -> None:
    assert lines_of(outpost.run(tmp_path, sys.executable, "-c", LOOK_UP)) == ["Name or service not known"]
    assert set(outpost.island.noticed()) == {"sts.us-east-1.amazonaws.com"}
    outpost.island.forget()


def test_an_address_outside_cannot_be_reached_and_the_attempt_is_noticed(outpost: Outpost, tmp_path: Path) -> None:
    assert lines_of(outpost.run(tmp_path, sys.executable, "-c", CALL)) == ["Network is unreachable"] * 2
    assert outpost.island.noticed() == ["2 to addresses without a route"]
    outpost.island.forget()


def test_a_client_finds_the_server_and_no_variable_but_those_it_was_given(outpost: Outpost, tmp_path: Path) -> None:
    done = outpost.run(tmp_path, "env")
    seen = dict(line.split("=", 1) for line in lines_of(done))
    assert seen["AWS_ENDPOINT_URL"] == outpost.server.url
    assert seen.keys() - {"PWD", "_", "OLDPWD", "SHLVL"} == {
        "PATH",
        "HOME",
        "LC_ALL",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "NO_PROXY",
        "no_proxy",
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE",
    }
