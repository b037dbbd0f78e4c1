"""The `processing-emulator` command."""

from typing import Any

import click

from emulator import __version__
from emulator.cli.settings_flags import given_flags, load_settings, settings_flags
from emulator.config import effective_settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__)
def main() -> None:
    """A local emulator of Amazon SageMaker Processing."""


@main.command()
@settings_flags()
def serve(**flags: Any) -> None:
    """Start the server; prints `Ready. URL` when clients may call. Ctrl-C ends it."""
    from emulator.cli.serve import serve as run  # the server's libraries are loaded by the server alone

    run(load_settings(flags), given_flags(flags))


@main.command()
@settings_flags("host", "port", "s3_access_key", "s3_secret_key", "s3_region", "access_keys")
def env(**flags: Any) -> None:
    """Print shell lines that point boto3, the AWS CLI and the SDKs at the server: eval "$(processing-emulator env)"."""
    from emulator.cli.env import shell_lines

    click.echo(shell_lines(load_settings(flags)))


@main.command()
@settings_flags()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool, **flags: Any) -> None:
    """Say what is found, what is missing, and the command that mends it; exit code 1 when something is missing."""
    from emulator.cli.doctor import examine, report

    settings = load_settings(flags)
    checks = examine(settings)
    click.echo(report(checks, effective_settings(settings, given_flags(flags)), as_json=as_json))
    if any(check.state == "missing" for check in checks):
        raise SystemExit(1)
