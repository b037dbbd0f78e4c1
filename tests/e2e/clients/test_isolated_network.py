"""The isolated network records lookups and packets; otherwise the absence of records would prove nothing."""

import sys
from pathlib import Path

import pytest

from tests.e2e.clients.conftest import IsolatedClients, lines_of

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


def test_records_a_name_lookup(clients: IsolatedClients, tmp_path: Path) -> None:
    assert lines_of(clients.run(tmp_path, sys.executable, "-c", LOOK_UP)) == ["Name or service not known"]
    assert set(clients.network.attempts()) == {"sts.us-east-1.amazonaws.com"}
    clients.network.clear()


def test_counts_packets_to_outside_addresses(clients: IsolatedClients, tmp_path: Path) -> None:
    assert lines_of(clients.run(tmp_path, sys.executable, "-c", CALL)) == ["Network is unreachable"] * 2
    assert clients.network.attempts() == ["2 to addresses without a route"]
    clients.network.clear()


def test_client_gets_only_the_variables_of_env(clients: IsolatedClients, tmp_path: Path) -> None:
    done = clients.run(tmp_path, "env")
    seen = dict(line.split("=", 1) for line in lines_of(done))
    assert seen["AWS_ENDPOINT_URL"] == clients.server.url
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
