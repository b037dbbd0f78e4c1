"""Quoting for each kind of reader, with the reader itself where it is at hand."""

import shutil
import subprocess
from io import StringIO

import pytest
from dotenv import dotenv_values

from processing_emulator.cli.env_formats import EnvFormat, render
from tests.fixtures_docker import missing

HOSTILE = [
    "",
    " ",
    "plain",
    "with spaces  and\ttab",
    "it's",
    'say "no"',
    "$HOME $(id) `id`",
    "back\\slash \\n \\'",
    "#no comment",
    "line one\nline two\n",
    "!history *? [a] {b,c} ~ & | ; < >",
    "na\u00efve \u2018quotes\u2019 \u65e5\u672c",
]
SHELLS = ["sh", "bash", "fish"]


def _run(shell: str, script: str, **before: str) -> str:
    found = shutil.which(shell)
    if found is None:
        missing(f"{shell} is not installed")
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **before}
    command = [found, "--no-config"] if shell == "fish" else [found]
    done = subprocess.run([*command, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_hands_every_value_on_as_it_was(shell: str) -> None:
    variables = {f"VALUE_{number}": value for number, value in enumerate(HOSTILE)}
    shape = EnvFormat.FISH if shell == "fish" else EnvFormat.SH
    printed = _run(shell, render(variables, (), shape) + "\nenv -0")
    seen = dict(entry.partition("=")[::2] for entry in printed.split("\0"))
    assert {name: seen.get(name) for name in variables} == variables


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_forgets_what_is_removed_and_does_not_mind_what_is_not_there(shell: str) -> None:
    shape = EnvFormat.FISH if shell == "fish" else EnvFormat.SH
    lines = render({}, ("OLD", "NEVER_THERE"), shape)
    assert "OLD" not in _run(shell, f"{lines}\nenv; true", OLD="x")


@pytest.mark.parametrize("value", HOSTILE)
def test_python_dotenv_reads_every_value_as_it_was(value: str) -> None:
    text = render({"VALUE": value, "AFTER": "x"}, (), EnvFormat.DOTENV)
    assert dict(dotenv_values(stream=StringIO(text))) == {"VALUE": value, "AFTER": "x"}


def test_a_dotenv_file_refuses_what_its_readers_would_replace() -> None:
    with pytest.raises(ValueError, match=r"^SECRET: a \.env file cannot hold"):
        render({"SECRET": "a${HOME}b"}, (), EnvFormat.DOTENV)


@pytest.mark.parametrize("shape", [EnvFormat.DOCKER, EnvFormat.GITLAB])
@pytest.mark.parametrize("value", ["two\nlines", "ends\n", " blank before", "blank after ", "carriage\rreturn"])
def test_bare_values_that_a_line_cannot_hold_are_refused_by_name(shape: EnvFormat, value: str) -> None:
    with pytest.raises(ValueError, match=r"^SECRET: a value with a line break"):
        render({"SECRET": value}, (), shape)


@pytest.mark.parametrize("shape", [EnvFormat.DOCKER, EnvFormat.GITLAB])
def test_bare_values_are_not_quoted(shape: EnvFormat) -> None:
    assert render({"A": 'it\'s $x "y"', "B": ""}, ("OLD",), shape) == 'A=it\'s $x "y"\nB='


def _as_the_runner_reads(text: str) -> dict[str, str]:
    """GITHUB_ENV: NAME=VALUE, or NAME<<END, lines, END."""
    variables, lines = {}, iter(text.split("\n"))
    for line in lines:
        name, mark, end = line.partition("<<")
        assert mark, line
        value = []
        while (inner := next(lines)) != end:
            value.append(inner)
        variables[name] = "\n".join(value)
    return variables


@pytest.mark.parametrize("value", [*HOSTILE, "A<<end\nA=1\nend"])
def test_a_github_runner_reads_every_value_as_it_was(value: str) -> None:
    text = render({"VALUE": value, "AFTER": "x"}, ("OLD",), EnvFormat.GITHUB)
    assert _as_the_runner_reads(text) == {"VALUE": value, "AFTER": "x", "OLD": ""}


def test_no_value_can_foresee_the_word_that_ends_it_in_a_github_file() -> None:
    first, second = (render({"A": "b"}, (), EnvFormat.GITHUB).splitlines()[-1] for _ in range(2))
    assert first != second
    assert len(first) > 32


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "$env:A = 'plain'"),
        ("it's $x `n", "$env:A = 'it''s $x `n'"),
        ("\u2018a\u2019 \u201ab\u201b", "$env:A = '\u2018\u2018a\u2019\u2019 \u201a\u201ab\u201b\u201b'"),
        ("two\nlines", "$env:A = 'two\nlines'"),
    ],
)
def test_powershell_takes_all_it_calls_a_quote_twice(value: str, line: str) -> None:
    assert render({"A": value}, (), EnvFormat.POWERSHELL) == line


def test_powershell_removes_what_is_not_there_without_a_word() -> None:
    assert render({}, ("OLD",), EnvFormat.POWERSHELL) == "Remove-Item Env:OLD -ErrorAction SilentlyContinue"
