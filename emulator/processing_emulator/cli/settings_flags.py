"""Turns the settings into command-line options of the same names, and what was given into Settings."""

import os
from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import click
from pydantic import SecretStr, ValidationError

from processing_emulator.config import ENV_PREFIX, Settings, unknown_variables

F = TypeVar("F", bound=Callable[..., Any])

GROUPS: Final = {
    "Server": ("host", "port", "allowed_hosts", "data_dir", "cache_gib", "database_url", "log_level", "log_format"),
    "S3 store": ("s3_endpoint", "s3_access_key", "s3_secret_key", "s3_region", "s3_patience_seconds"),
    "Signatures": ("enforce_signatures", "access_keys"),
    "Docker and images": ("runner", "docker_host", "pull_policy", "image_map", "image_platform", "check_image_region"),
    "Containers": ("container_endpoints", "container_credentials", "container_admin", "container_network", "shm_share"),
    "Stopping": ("stop_signal", "stop_grace_seconds", "upload_when_stopped"),
    "Capacity and quotas": (
        "capacity_cpus",
        "capacity_memory_mib",
        "instance_limits",
        "instance_scale",
        "gpu",
        "quotas",
        "instance_prices",
    ),
    "Intervals": (
        "sample_interval_seconds",
        "samples_kept_hours",
        "metrics_kept_days",
        "jobs_kept_days",
        "keep_failed_minutes",
        "keep_failed_jobs",
        "database_mib",
        "continuous_upload_interval_seconds",
        "engine_patience_seconds",
        "reaper_interval_seconds",
    ),
    "Events": ("event_webhook", "event_targets", "event_patience_seconds"),
    "Seed and scripts": ("seed", "init_dir", "init_timeout_seconds"),
}
"""Headings of the help page, in order, and the settings below each."""

OTHER_OPTIONS: Final = "Options"


class UsageFault(click.ClickException):
    """A mistake of the user: one sentence, exit code 2, no traceback."""

    exit_code = 2


class SettingOption(click.Option):
    """The option of one setting."""

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help page shows options below headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records: dict[str, list[tuple[str, str]]] = {title: [] for title in (*GROUPS, OTHER_OPTIONS)}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None:
                records[option.group if isinstance(option, SettingOption) else OTHER_OPTIONS].append(record)
        for title, rows in records.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text(f"Each setting is an environment variable, too: --port is {ENV_PREFIX}PORT.")


def settings_flags(*names: str) -> Callable[[F], F]:
    """Add an option for each named setting (all of them without names). An option wins over its variable."""

    def decorate(command: F) -> F:
        for name in reversed(names or tuple(Settings.model_fields)):
            flag = "--" + name.replace("_", "-")
            decorator = click.option(
                flag,
                name,
                cls=SettingOption,
                group=_group_of(name),
                default=None,
                metavar=_metavar(name),
                help=_help_text(name),
            )
            command = decorator(command)
        return command

    return decorate


def _group_of(name: str) -> str:
    return next((title for title, names in GROUPS.items() if name in names), OTHER_OPTIONS)


def _help_text(name: str) -> str:
    default = default_text(name)
    description = str(Settings.model_fields[name].description)
    return f"{description}  [default: {default}]" if default else description


def default_text(name: str) -> str:
    """A setting's default as a user would write it; empty when it has none, or one that its description explains."""
    if name == "data_dir":
        return "~/.local/share/processing-emulator"
    value = Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value in ((), {}) else str(value)


def _metavar(name: str) -> str:
    """The kind of value."""
    annotation = Settings.model_fields[name].annotation
    kind = next((kind for kind in get_args(annotation) if kind is not type(None)), annotation)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "NAME"
    if name.endswith("_seconds"):
        return "SECONDS"
    names: dict[Any, str] = {bool: "BOOL", int: "NUMBER", float: "NUMBER", Path: "PATH"}
    return names.get(kind, "JSON" if "dict" in str(annotation) else "TEXT")


def load_settings(flags: dict[str, Any]) -> Settings:
    """Settings from options and environment. Raises UsageFault naming what is wrong."""
    unknown = unknown_variables(os.environ)
    if unknown:
        raise UsageFault(f"unknown setting in the environment: {', '.join(map(_with_nearest, unknown))}")
    given = given_flags(flags)
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageFault(f"setting {name}: {first['msg']}") from error


def _with_nearest(variable: str) -> str:
    near = get_close_matches(variable, [ENV_PREFIX + name.upper() for name in Settings.model_fields], n=1)
    return f"{variable} (did you mean {near[0]}?)" if near else variable


def given_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """Those given on the command line; an empty value counts as none, as in the environment."""
    return {name: value for name, value in flags.items() if value}
