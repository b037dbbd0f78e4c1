"""Turns the settings into command-line flags of the same names, and what was given into Settings."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from processing_emulator.config import ENV_PREFIX, Settings, unknown_variables

F = TypeVar("F", bound=Callable[..., Any])


class UsageFault(click.ClickException):
    """A mistake of the user: one sentence, exit code 2, no traceback."""

    exit_code = 2


def settings_flags(*names: str) -> Callable[[F], F]:
    """Add a flag for each named setting (all of them without names). A flag wins over its variable."""

    def decorate(command: F) -> F:
        for name in reversed(names or tuple(Settings.model_fields)):
            field = Settings.model_fields[name]
            flag = "--" + name.replace("_", "-")
            variable = ENV_PREFIX + name.upper()
            help_text = f"{field.description} [{variable}]"
            command = click.option(flag, name, default=None, metavar="VALUE", help=help_text)(command)
        return command

    return decorate


def load_settings(flags: dict[str, Any]) -> Settings:
    """Settings from flags and environment. Raises UsageFault naming what is wrong."""
    unknown = unknown_variables(os.environ)
    if unknown:
        raise UsageFault(f"unknown setting in the environment: {', '.join(unknown)}")
    given = given_flags(flags)
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageFault(f"setting {where}: {first['msg']}") from error


def given_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """Those that stand on the command line; an empty value is none, as in the environment."""
    return {name: value for name, value in flags.items() if value}
