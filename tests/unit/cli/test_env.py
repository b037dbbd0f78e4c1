"""The lines for a shell."""

import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from emulator.cli.env import client_variables, shell_lines
from emulator.config import Settings


def _after_eval(lines: str, *names: str) -> list[str]:
    script = lines + "\n" + "; ".join(f'echo "${{{name}-unset}}"' for name in names)
    environment = {"AWS_SESSION_TOKEN": "old", "AWS_PROFILE": "old", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_shell_that_evaluates_the_lines_has_endpoint_keys_and_region_and_no_old_token() -> None:
    lines = shell_lines(Settings(port=9000, s3_region="eu-west-1"))
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN")
    assert _after_eval(lines, *names, "AWS_PROFILE") == [
        "http://127.0.0.1:9000",
        "emulator",
        "eu-west-1",
        "eu-west-1",
        "unset",
        "unset",
    ]


def test_a_key_with_shell_signs_in_it_is_only_a_key(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    lines = shell_lines(Settings(s3_access_key=f"a'; touch {trap}; $(touch {trap}) '"))
    assert _after_eval(lines, "AWS_ACCESS_KEY_ID") == [f"a'; touch {trap}; $(touch {trap}) '"]
    assert not trap.exists()


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("10.1.2.3", "10.1.2.3")]
)
def test_the_address_is_one_that_can_be_called(host: str, shown: str) -> None:
    assert client_variables(Settings(host=host))["AWS_ENDPOINT_URL"] == f"http://{shown}:9320"


def test_no_proxy_keeps_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet,localhost")
    assert client_variables(Settings())["NO_PROXY"] == "intranet,localhost,127.0.0.1"


def test_the_first_configured_key_is_the_client_s() -> None:
    settings = Settings(access_keys={"111122223333": SecretStr("first"), "other": SecretStr("second")})

    variables = client_variables(settings)

    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == ("111122223333", "first")
