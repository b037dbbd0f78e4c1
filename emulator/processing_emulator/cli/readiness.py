"""Prints what the real service would say to a job."""

import json
import sys

import click

from processing_emulator.cli.client_commands import as_json, asks_server
from processing_emulator.cli.emulator_client import Document, EmulatorClient
from processing_emulator.cli.formatting import table


@click.command(short_help="Say what the cloud would refuse.")
@asks_server
@click.argument("job")
@as_json
def readiness(client: EmulatorClient, job: str, as_json: bool) -> None:
    """List what the real service would refuse in a job, what it needs there, and what differs from the run here.

    The exit code is 1 if something would be refused.
    """
    verdict = client.job(job)["cloudReadiness"]
    click.echo(json.dumps(verdict, indent=2) if as_json else readiness_lines(verdict))
    sys.exit(0 if verdict["ready"] else 1)


def readiness_lines(verdict: Document) -> str:
    """A line for each finding."""
    rows = [(finding["verdict"], finding["sentence"]) for finding in verdict["findings"]]
    return table(("VERDICT", "IN THE CLOUD"), rows) if rows else "nothing to say"


COMMANDS = (readiness,)
