"""The commands for a server in the background: start, status, stop."""

import json
from pathlib import Path
from typing import Any

import click

from processing_emulator.cli.emulator_client import EmulatorClient, ServerFault, client_of
from processing_emulator.cli.formatting import table
from processing_emulator.cli.settings_flags import GroupedCommand, given_flags, load_settings, settings_flags
from processing_emulator.config import Settings
from processing_emulator.quantities import size

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(cls=GroupedCommand, short_help="Start the server, in the background if you like.")
@click.option("-d", "--detach", is_flag=True, help="Return when the server is ready; it goes on in the background.")
@as_json
@settings_flags()
def start(detach: bool, as_json: bool, **flags: Any) -> None:
    """Start the server with the settings of `serve`. With -d, its log is DATA_DIR/logs/server.log.

    A server that runs on the data directory already is left alone.
    """
    settings = load_settings(flags)
    if not detach:
        from processing_emulator.cli.serve import serve

        serve(settings, given_flags(flags))
        return
    from processing_emulator.cli import background_server

    pid = background_server.running_pid(settings)
    if pid is not None:
        sentence = (
            f"a server runs already (process {pid}) and keeps its settings; "
            "look: processing-emulator status, end it: processing-emulator stop, another one: --data-dir and --port"
        )
        _say(as_json, sentence, pid=pid, started=False)
        return
    arguments = [word for name, value in given_flags(flags).items() for word in (f"--{name.replace('_', '-')}", value)]
    url = background_server.start_in_background(settings, arguments)
    pid = background_server.running_pid(settings)
    _say(as_json, f"Ready. {url}", url=url, pid=pid, started=True)
    _warn_of_faults(client_of(settings, url=url))


def _warn_of_faults(client: EmulatorClient) -> None:
    """A server starts without Docker, for example, but jobs wait then."""
    for name, part in client.get("health")["services"].items():
        if "error" in part:
            click.echo(f"{name} is {part['status']}: {part['error']}\n  what to do: {part['hint']}", err=True)


@click.command(short_help="Show whether a server runs, and its health.")
@click.option("--url", help="Address of the server.  [default: the settings HOST and PORT]")
@as_json
def status(url: str | None, as_json: bool) -> None:
    """Show the server's health. The exit code is 0 if all its parts work, else 1."""
    client = client_of(load_settings({}), url=url)
    try:
        health = client.get("health")
    except ServerFault as fault:
        if not as_json:
            raise
        click.echo(json.dumps({"url": client.url, "status": "stopped", "hint": fault.message}))
        raise SystemExit(1) from fault
    if as_json:
        click.echo(json.dumps({"url": client.url, **health}, indent=2))
    else:
        click.echo(f"{health['status']}  {client.url}  version {health['version']}")
        rows = [(name, part["status"], _details(part)) for name, part in health["services"].items()]
        click.echo(table(("PART", "STATUS", "DETAILS"), rows))
    if health["status"] != "ok":
        raise SystemExit(1)


def _details(part: dict[str, Any]) -> str:
    return ", ".join(_detail(name, value) for name, value in part.items() if name != "status")


def _detail(name: str, value: Any) -> str:
    return f"{name.removesuffix('Bytes')}: {size(value) if name.endswith('Bytes') else value}"


@click.command(cls=GroupedCommand, short_help="Stop the server.")
@settings_flags("data_dir")
@as_json
def stop(as_json: bool, **flags: Any) -> None:
    """Stop the server of the data directory. Containers of running jobs go on; the next start resumes them."""
    from processing_emulator.cli import background_server

    settings: Settings = load_settings(flags)
    stopped = background_server.stop(settings)
    where: Path = settings.data_dir
    _say(as_json, "stopped" if stopped else f"no server runs on {where}", stopped=stopped)


def _say(as_json: bool, sentence: str, **document: object) -> None:
    click.echo(json.dumps(document) if as_json else sentence)


COMMANDS = (start, status, stop)
