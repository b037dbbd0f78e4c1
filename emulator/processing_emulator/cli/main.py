"""The `processing-emulator` command."""

from pathlib import Path
from typing import Any

import click

from processing_emulator import __version__
from processing_emulator.cli import client_commands, debug_commands, images_commands, readiness, server_commands
from processing_emulator.cli.bundles import commands as bundle_commands
from processing_emulator.cli.env_formats import EnvFormat
from processing_emulator.cli.settings_flags import (
    GroupedCommand,
    UsageFault,
    given_flags,
    load_settings,
    settings_flags,
)
from processing_emulator.config import effective_settings
from processing_emulator.errors import EmulatorError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """A local emulator of Amazon SageMaker Processing."""


@main.command(cls=GroupedCommand, short_help="Start the server.")
@settings_flags()
def serve(**flags: Any) -> None:
    """Start the server. It prints `Ready. URL` when clients may call; Ctrl-C stops it.

    Containers of running jobs keep running, and the next start resumes them.
    """
    from processing_emulator.cli.serve import serve as run  # only this command needs the server's libraries

    run(load_settings(flags), given_flags(flags))


@main.command(cls=GroupedCommand, short_help="Print the variables that AWS clients need.")
@settings_flags("host", "port", "data_dir", "s3_access_key", "s3_secret_key", "s3_region", "access_keys")
@click.option(
    "--format",
    "shape",
    type=click.Choice([shape.value for shape in EnvFormat]),
    default=EnvFormat.SH.value,
    show_default=True,
    help="Reader of the lines: a shell, a .env file, a container or a CI system.",
)
@click.option("--unset", is_flag=True, help="Print lines that remove the variables again.")
@click.option(
    "--sdk-config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the SageMaker SDK's configuration.  [default: in the data directory]",
)
@click.option("--no-sdk-config", is_flag=True, help="Write no SageMaker SDK configuration.")
@click.option("--fast-waits", is_flag=True, help="Let waiters of boto3 and the SageMaker SDK look at jobs more often.")
def env(shape: str, unset: bool, sdk_config: Path | None, no_sdk_config: bool, fast_waits: bool, **flags: Any) -> None:
    """Print the variables that point boto3, the AWS CLI and the SDKs at the server.

    In a shell: eval "$(processing-emulator env)"
    """
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
    click.echo(set_lines(settings, path, wanted, fast_waits=fast_waits))


@main.command(cls=GroupedCommand, short_help="Check what the server needs.")
@settings_flags()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool, **flags: Any) -> None:
    """Check what a server with these settings needs, with a hint for what is missing.

    The exit code is 1 when something is missing.
    """
    from processing_emulator.cli.doctor import examine, report

    settings = load_settings(flags)
    findings = examine(settings)
    click.echo(report(findings, effective_settings(settings, given_flags(flags)), as_json=as_json))
    if any(finding.state == "missing" for finding in findings):
        raise SystemExit(1)


@main.command(short_help="Print a script that completes commands in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell. In ~/.bashrc: eval "$(processing-emulator completion bash)" """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageFault(f"there is no completion for {shell}")
    click.echo(kind(main, {}, "processing-emulator", "_PROCESSING_EMULATOR_COMPLETE").source())


_GROUPS = (server_commands, client_commands, debug_commands, readiness, bundle_commands, images_commands)
for _command in (command for group in _GROUPS for command in group.COMMANDS):
    main.add_command(_command)
