"""What `debug` refuses before it asks the server."""

from pathlib import Path

import pytest

from processing_emulator.cli.debug_session import look_into
from processing_emulator.cli.emulator_client import EmulatorClient, ServerFault


def a_client(url: str) -> EmulatorClient:
    return EmulatorClient(url=url, account="000000000000", region="us-east-1", access_key="a", secret_key="s")


@pytest.mark.parametrize("url", ["http://203.0.113.1:9320", "http://[2001:db8::1]:9320", "http://nobody.invalid:9320"])
def test_a_server_on_another_machine_is_refused(url: str) -> None:
    with pytest.raises(ServerFault, match="is on another machine") as refused:
        look_into(a_client(url), "job", "algo-1", ())
    assert url in refused.value.message


def test_without_the_command_docker_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerFault, match="the command docker is not there"):
        look_into(a_client("http://127.0.0.1:1"), "job", "algo-1", ())
