"""What `processing-emulator env` prints, and the SageMaker SDK configuration that it writes."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from processing_emulator.cli.env import FAST_WAITS, client_variables
from processing_emulator.cli.main import main
from processing_emulator.config import Settings


def _env(tmp_path: Path, *arguments: str) -> Result:
    runner = CliRunner(env={"NO_PROXY": None, "no_proxy": None})
    return runner.invoke(main, ["env", "--data-dir", str(tmp_path / "data"), *arguments])


def _lines(tmp_path: Path, *arguments: str) -> str:
    done = _env(tmp_path, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def _after_eval(lines: str, *names: str) -> list[str]:
    script = lines + "\n" + "; ".join(f'echo "${{{name}-unset}}"' for name in names)
    environment = {"AWS_SESSION_TOKEN": "old", "AWS_PROFILE": "old", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_shell_that_evaluates_the_lines_has_all_it_needs_and_nothing_old(tmp_path: Path) -> None:
    lines = _lines(tmp_path, "--port", "9000", "--s3-region", "eu-west-1")
    expected = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator-secret",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(tmp_path / "data" / "sagemaker-sdk.yaml"),
        "AWS_SESSION_TOKEN": "unset",
        "AWS_PROFILE": "unset",
    }
    assert dict(zip(expected, _after_eval(lines, *expected), strict=True)) == expected


def test_what_was_set_can_be_taken_back_but_the_proxy_exceptions(tmp_path: Path) -> None:
    names = [line.split("=")[0].removeprefix("export ") for line in _lines(tmp_path).splitlines() if "=" in line]
    values = _after_eval(_lines(tmp_path) + "\n" + _lines(tmp_path, "--unset"), *names)
    assert {name for name, value in zip(names, values, strict=True) if value != "unset"} == {"NO_PROXY", "no_proxy"}


def test_fast_waits_come_before_the_search_paths_and_are_taken_back(tmp_path: Path) -> None:
    models, python = (str(folder) for folder in FAST_WAITS.values())
    names = ("AWS_DATA_PATH", "PYTHONPATH")
    runner = CliRunner(env={"AWS_DATA_PATH": None, "PYTHONPATH": "/mine:/also"})
    lines = runner.invoke(main, ["env", "--no-sdk-config", "--fast-waits"]).stdout
    assert _after_eval(lines, *names) == [models, f"{python}:/mine:/also"]

    runner = CliRunner(env={"AWS_DATA_PATH": models, "PYTHONPATH": f"{python}:/mine:/also"})
    lines += runner.invoke(main, ["env", "--unset"]).stdout
    assert _after_eval(lines, *names) == ["unset", "/mine:/also"]

    runner = CliRunner(env={"AWS_DATA_PATH": "/models", "PYTHONPATH": None})
    assert not set(names) & set(re.findall(r"\w+", runner.invoke(main, ["env", "--unset"]).stdout))


@pytest.mark.parametrize("shape", ["docker", "gitlab"])
def test_fast_waits_are_for_this_machine(tmp_path: Path, shape: str) -> None:
    done = _env(tmp_path, "--fast-waits", "--format", shape)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"the format {shape} is for other machines" in done.stderr


@pytest.mark.parametrize("shape", ["dotenv", "docker", "github", "gitlab"])
def test_a_file_cannot_take_back(tmp_path: Path, shape: str) -> None:
    done = _env(tmp_path, "--unset", "--format", shape)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"--unset is for shells; the format {shape} only adds variables" in done.stderr


def test_a_key_with_shell_signs_in_it_is_only_a_key(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    key = f"a'; touch {trap}; $(touch {trap}) '"
    assert _after_eval(_lines(tmp_path, "--s3-access-key", key), "AWS_ACCESS_KEY_ID") == [key]
    assert not trap.exists()


def test_a_value_that_the_format_cannot_say_is_a_sentence_and_no_half_list(tmp_path: Path) -> None:
    done = _env(tmp_path, "--format", "docker", "--s3-secret-key", "two\nlines")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: AWS_SECRET_ACCESS_KEY: a value with a line break")


def test_a_github_step_loses_an_old_token_and_gets_no_profile_without_a_name(tmp_path: Path) -> None:
    lines = _lines(tmp_path, "--format", "github").splitlines()
    token = next(number for number, line in enumerate(lines) if line.startswith("AWS_SESSION_TOKEN<<"))
    assert lines[token + 1 : token + 3] == ["", lines[token].partition("<<")[2]]
    assert not [line for line in lines if "PROFILE" in line]


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("localhost", "127.0.0.1"),
        ("10.1.2.3", "10.1.2.3"),
        ("emulator", "emulator"),
    ],
)
def test_the_address_is_one_that_can_be_called(host: str, shown: str) -> None:
    assert client_variables(Settings(host=host))["AWS_ENDPOINT_URL"] == f"http://{shown}:9320"


def test_no_proxy_keeps_what_was_there_in_either_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet,localhost")
    monkeypatch.setenv("no_proxy", "other")
    variables = client_variables(Settings())
    assert variables["NO_PROXY"] == variables["no_proxy"] == "intranet,localhost,other,127.0.0.1"


def test_the_first_configured_key_is_the_client_s() -> None:
    settings = Settings(access_keys={"111122223333": SecretStr("first"), "other": SecretStr("second")})

    variables = client_variables(settings)

    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == ("111122223333", "first")
