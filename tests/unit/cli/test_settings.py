"""Flags, variables and what is refused."""

import json
import re

import pytest
from click.testing import CliRunner

from processing_emulator.cli.main import main
from processing_emulator.cli.settings_flags import GROUPS, UsageFault, given_flags, load_settings
from processing_emulator.config import ENV_PREFIX, Settings, effective_settings, unknown_variables


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{ENV_PREFIX}PORT", "9001")
    assert load_settings({"port": None}).port == 9001
    assert load_settings({"port": "9002"}).port == 9002


def test_a_misspelt_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{ENV_PREFIX}PROT", "9001")
    with pytest.raises(
        UsageFault, match=r"environment: PROCESSING_EMULATOR_PROT \(did you mean PROCESSING_EMULATOR_PORT\?\)"
    ):
        load_settings({})


def test_variables_of_the_tests_are_not_ours() -> None:
    assert unknown_variables({f"{ENV_PREFIX}TEST_IMAGE": "x", f"{ENV_PREFIX}REQUIRE_ALL": "1", "PATH": "x"}) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "x"),
        ("pull_policy", "often"),
        ("shm_share", "2"),
        ("image_map", "{"),
        ("log_level", "LOUD"),
        ("s3_endpoint", "ftp://x"),
        ("s3_endpoint", "http://"),
        ("s3_endpoint", "http://store:port"),
        ("s3_endpoint", "http://store:99999"),
        ("s3_endpoint", "http://store:0"),
        ("s3_endpoint", "http://[store"),
        ("s3_endpoint", "https://store/path"),
        ("s3_endpoint", "https://store/?query"),
        ("s3_endpoint", "http://name:hush@store"),
        ("stop_signal", "SIGFOO"),
        ("image_platform", "amd64"),
    ],
)
def test_a_value_that_cannot_be_is_one_sentence_and_exit_code_2(name: str, value: str) -> None:
    done = CliRunner().invoke(main, ["env" if name == "port" else "doctor", f"--{name.replace('_', '-')}", value])
    assert done.exit_code == 2
    assert f"setting {name}: " in done.output
    assert "Traceback" not in done.output
    assert "hush" not in done.output


@pytest.mark.parametrize("value", ["http://store", "https://store:9000/", "http://[::1]:9000"])
def test_an_endpoint_is_a_scheme_a_host_and_maybe_a_port(value: str) -> None:
    assert load_settings({"s3_endpoint": value}).s3_endpoint == value


@pytest.mark.parametrize("name", ["seed", "init_dir", "s3_endpoint", "port", "image_map", "s3_secret_key"])
def test_an_empty_value_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass on variables that nobody set; an empty path would be the working directory."""
    default = getattr(load_settings({}), name)
    monkeypatch.setenv(f"{ENV_PREFIX}{name.upper()}", "")

    assert getattr(load_settings({name: ""}), name) == default
    assert effective_settings(load_settings({}), given_flags({name: ""}))[name].source == "default"


def test_secrets_are_hidden_in_what_the_settings_print() -> None:
    assert "hush" not in repr(Settings.model_validate({"s3_secret_key": "hush"}))


@pytest.mark.parametrize("url", ["postgresql://user:hush@host/db", "postgresql:///db?host=/run&password=hush&x=1"])
def test_password_of_the_database_is_hidden(url: str) -> None:
    settings = load_settings({"database_url": url})
    assert settings.database_url == url
    assert "hush" not in repr(settings)
    shown = effective_settings(settings)["database_url"].value
    assert shown in ("postgresql://********@host/db", "postgresql:///db?host=/run&password=********&x=1")


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://user:hush@host/db", "host/db"])
def test_database_of_another_kind_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(UsageFault, match="must be postgresql://") as refusal:
        load_settings({"database_url": url})
    assert "hush" not in str(refusal.value)


def test_a_limit_of_the_size_is_for_sqlite() -> None:
    assert load_settings({"database_mib": 512}).database_mib == 512
    with pytest.raises(UsageFault, match="is for SQLite only"):
        load_settings({"database_mib": 512, "database_url": "postgresql://user@host/db"})


def test_lists_and_maps_can_be_given_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{ENV_PREFIX}ALLOWED_HOSTS", "a, b,")
    monkeypatch.setenv(f"{ENV_PREFIX}IMAGE_MAP", json.dumps({"x*": "y"}))
    settings = load_settings({})
    assert settings.allowed_hosts == ("a", "b")
    assert settings.image_map == {"x*": "y"}
    assert load_settings({"image_map": '{"p": "q"}'}).image_map == {"p": "q"}


@pytest.mark.parametrize("command", ["serve", "env", "doctor"])
def test_the_help_of_every_command_is_readable_at_80_columns(command: str) -> None:
    done = CliRunner().invoke(main, [command, "--help"], terminal_width=80)
    assert done.exit_code == 0
    assert "--port NUMBER" in done.output
    assert "[default: 9320]" in " ".join(done.output.split())
    assert max(map(len, done.output.splitlines())) <= 80


def test_the_list_of_commands_is_not_cut() -> None:
    assert "..." not in CliRunner().invoke(main, ["--help"], terminal_width=80).output.partition("Commands:")[2]


def test_every_setting_is_below_exactly_one_heading() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(Settings.model_fields)
    headings = re.findall(r"^(\S.*):$", CliRunner().invoke(main, ["serve", "--help"]).output, re.MULTILINE)
    assert headings == [*GROUPS, "Options"]
