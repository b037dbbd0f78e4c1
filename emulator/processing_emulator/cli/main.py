"""The `processing-emulator` command."""

from pathlib import Path
from typing import Any

import click

from processing_emulator import __version__
from processing_emulator.cli.env_formats import EnvFormat
from processing_emulator.cli.settings_flags import UsageFault, given_flags, load_settings, settings_flags
from processing_emulator.config import effective_settings
from processing_emulator.errors import EmulatorError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__)
def main() -> None:
    """A local emulator of Amazon SageMaker Processing."""


@main.command()
@settings_flags()
def serve(**flags: Any) -> None:
    """Start the server; prints `Ready. URL` when clients may call. Ctrl-C ends it."""
    from processing_emulator.cli.serve import serve as run  # the server's libraries are loaded by the server alone

    run(load_settings(flags), given_flags(flags))


@main.command()
@settings_flags("host", "port", "data_dir", "s3_access_key", "s3_secret_key", "s3_region", "access_keys")
@click.option(
    "--format",
    "shape",
    type=click.Choice([shape.value for shape in EnvFormat]),
    default=EnvFormat.SH.value,
    show_default=True,
    help="What the lines are for: a shell, a .env file, a container, a CI system.",
)
@click.option("--unset", is_flag=True, help="Print lines that take the variables back.")
@click.option(
    "--sdk-config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the SageMaker SDK's configuration.  [default: in the data directory]",
)
@click.option("--no-sdk-config", is_flag=True, help="Write no SageMaker SDK configuration.")
def env(shape: str, unset: bool, sdk_config: Path | None, no_sdk_config: bool, **flags: Any) -> None:
    """Print what points boto3, the AWS CLI and the SDKs at the server: eval "$(processing-emulator env)"."""
    from processing_emulator.cli.env import set_lines, unset_lines
    from processing_emulator.cli.sdk_config import write_sdk_config

    settings = load_settings(flags)
    wanted = EnvFormat(shape)
    if unset:
        click.echo(unset_lines(wanted))
        return
    path = None
    if not no_sdk_config and (sdk_config is not None or wanted.stays_here):
        try:
            path = write_sdk_config(settings, sdk_config)
        except EmulatorError as error:
            raise UsageFault(str(error)) from error
    click.echo(set_lines(settings, path, wanted))


@main.command()
@settings_flags()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool, **flags: Any) -> None:
    """Say what is found, what is missing, and the command that mends it; exit code 1 when something is missing."""
    from processing_emulator.cli.doctor import examine, report

    settings = load_settings(flags)
    checks = examine(settings)
    click.echo(report(checks, effective_settings(settings, given_flags(flags)), as_json=as_json))
    if any(check.state == "missing" for check in checks):
        raise SystemExit(1)
