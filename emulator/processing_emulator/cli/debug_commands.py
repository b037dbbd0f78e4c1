"""The commands around failed jobs that are kept."""

import json
import sys
from urllib.parse import quote

import click

from processing_emulator.cli.client_commands import as_json, asks_server
from processing_emulator.cli.emulator_client import Document, EmulatorClient, ServerFault
from processing_emulator.cli.formatting import seconds_between, table
from processing_emulator.cli.settings_flags import load_settings
from processing_emulator.quantities import duration


@click.command(short_help="Look into a failed job that was kept.")
@asks_server
@click.argument("job")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--host", default="algo-1", show_default=True, metavar="algo-N", help="Which host of the job.")
def debug(client: EmulatorClient, job: str, command: tuple[str, ...], host: str) -> None:
    """Open a shell in the file system, folders, environment, user and network of a failed job, or run COMMAND there.

    The job's own entry point is printed, not run. The exit code is that of COMMAND.
    """
    from processing_emulator.cli.debug_session import look_into

    sys.exit(look_into(client, job, host, command, load_settings({}).docker_host))


@click.command(short_help="Show or remove what is kept of failed jobs.")
@asks_server
@click.argument("action", type=click.Choice(["show", "clear"]), default="show")
@click.argument("job", required=False)
@as_json
def kept(client: EmulatorClient, action: str, job: str | None, as_json: bool) -> None:
    """Show which failed jobs are kept, or remove what is kept of JOB, or of all jobs."""
    if action == "clear":
        where: Document = {} if job is None else {"account": client.account, "region": client.region}
        found = client.delete("kept" if job is None else f"jobs/{quote(job, safe='')}/kept", **where)["jobs"]
    else:
        found = client.get("kept")["jobs"]
        if job is not None:
            key = (client.account, client.region, job)
            found = [one for one in found if (one["account"], one["region"], one["name"]) == key]
            if not found:
                raise ServerFault(f"nothing of the job {job} is kept")
    click.echo(json.dumps(found, indent=2) if as_json else _kept_lines(found))


def _kept_lines(found: list[Document]) -> str:
    rows = [(one["name"], duration(-(seconds_between(one["keptUntil"], None) or 0)), one["command"]) for one in found]
    return table(("NAME", "STAYS", "LOOK INTO IT"), rows) if rows else "nothing is kept"


COMMANDS = (debug, kept)
