"""Environment variables as text: lines for shells, and files for programs and CI systems, each with its own quoting."""

import re
import secrets
import shlex
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum


class EnvFormat(StrEnum):
    """The reader of the lines."""

    SH = "sh"
    """Any POSIX shell."""
    FISH = "fish"
    POWERSHELL = "powershell"
    DOTENV = "dotenv"
    """A `.env` file as python-dotenv reads it."""
    DOCKER = "docker"
    """`docker run --env-file`: names and bare values."""
    GITHUB = "github"
    """The file that GITHUB_ENV names, in GitHub Actions."""
    GITLAB = "gitlab"
    """A dotenv report of GitLab CI: names and bare values."""

    @property
    def is_shell(self) -> bool:
        """Whether the format can remove variables."""
        return self in (EnvFormat.SH, EnvFormat.FISH, EnvFormat.POWERSHELL)

    @property
    def stays_here(self) -> bool:
        """Whether the reader sees files of this machine; a container or a later CI job may not."""
        return self not in (EnvFormat.DOCKER, EnvFormat.GITLAB)


def render(variables: Mapping[str, str], removed: Iterable[str], shape: EnvFormat) -> str:
    """The lines that set and remove variables. File formats omit the removed ones: their readers start without them.

    Raises ValueError, naming the variable, for a value that the format cannot express.
    """
    lines = [_SETTERS[shape](name, value) for name, value in variables.items()]
    if shape in _REMOVERS:
        lines += [_REMOVERS[shape](name) for name in removed]
    return "\n".join(lines)


def _sh(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str) -> str:
    """In PowerShell typographic quotes end a string, too."""
    quoted = re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value)
    return f"$env:{name} = '{quoted}'"


def _dotenv(name: str, value: str) -> str:
    if "${" in value:
        raise ValueError(f"{name}: a .env file cannot hold a value with '${{' in it, which its readers replace")
    if re.fullmatch(r"[\w./:,@%+=-]*", value, re.ASCII):
        return f"{name}={value}"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{quoted}'"


def _bare(name: str, value: str) -> str:
    if value != value.strip() or value.splitlines() not in ([], [value]):
        raise ValueError(f"{name}: a value with a line break, or with blanks around it, cannot be said in this format")
    return f"{name}={value}"


def _github(name: str, value: str) -> str:
    """The multi-line form, with a random delimiter that no value can contain."""
    end = f"end_{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}"


_SETTERS: Mapping[EnvFormat, Callable[[str, str], str]] = {
    EnvFormat.SH: _sh,
    EnvFormat.FISH: _fish,
    EnvFormat.POWERSHELL: _powershell,
    EnvFormat.DOTENV: _dotenv,
    EnvFormat.DOCKER: _bare,
    EnvFormat.GITHUB: _github,
    EnvFormat.GITLAB: _bare,
}

_REMOVERS: Mapping[EnvFormat, Callable[[str], str]] = {
    EnvFormat.SH: lambda name: f"unset {name}",
    EnvFormat.FISH: lambda name: f"set -e {name}",
    EnvFormat.POWERSHELL: lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
    # GitHub cannot remove a variable from later steps, only empty it.
    EnvFormat.GITHUB: lambda name: _github(name, ""),
}
