"""The commands that ask a running server: jobs, logs, the server's state."""

import json
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

import click

from processing_emulator.admin.dashboard.paths import job_path, list_path
from processing_emulator.cli.cache_lines import cache_lines
from processing_emulator.cli.emulator_client import Document, EmulatorClient, client_of, service_errors
from processing_emulator.cli.formatting import fitted, seconds_between, table
from processing_emulator.cli.settings_flags import load_settings
from processing_emulator.domain.default_account import DEFAULT_ACCOUNT
from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import JobKey
from processing_emulator.quantities import duration

EXIT_INTERRUPTED = 130
"""As shells report a program that Ctrl-C has ended."""

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def asks_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the server is; the command gets a client first."""

    @click.option("--url", help="Address of the server.  [default: the settings HOST and PORT]")
    @click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="Account of the jobs.")
    @click.option("--region", help="Region of the jobs.  [default: the setting S3_REGION]")
    @wraps(command)
    def with_client(url: str | None, account: str, region: str | None, **options: Any) -> Any:
        return command(client_of(load_settings({}), account=account, region=region, url=url), **options)

    return with_client


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, default=str))


@click.command(short_help="List jobs.")
@asks_server
@click.option("--status", type=click.Choice(["InProgress", "Completed", "Failed", "Stopping", "Stopped"]))
@click.option("--name", "name_contains", help="Only jobs whose name contains this.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@as_json
def ps(client: EmulatorClient, as_json: bool, **query: Any) -> None:
    """List the newest jobs, with what the waiting ones wait for."""
    found = client.get("jobs", account=client.account, region=client.region, **query)["jobs"]
    if as_json:
        _print_json(found)
        return
    if found:
        text = table(("NAME", "STATUS", "PHASE", "AGE", "RAN", "WHY"), [_row(job) for job in found])
        click.echo(fitted(text) if sys.stdout.isatty() else text)
    else:
        click.echo(_where_jobs_are(client, query))


def _where_jobs_are(client: EmulatorClient, query: Mapping[str, Any]) -> str:
    """What to say when the account and region have no jobs. Clients that choose others put them there."""
    elsewhere = {(job["account"], job["region"]) for job in client.get("jobs", **{**query, "limit": 1000})["jobs"]}
    commands = [f"processing-emulator ps --account {account} --region {region}" for account, region in elsewhere]
    if not commands:
        return "no jobs"
    here = f"no jobs in account {client.account}, region {client.region}, but there are some elsewhere:"
    return "\n  ".join([here, *sorted(commands)])


def _row(job: Document) -> tuple[str, ...]:
    waiting = job.get("waiting")
    why = f"waits: {waiting}" if waiting else (job["failureReason"] or "")
    age = duration(seconds_between(job["createdAt"], None))
    ran = duration(seconds_between(job["startedAt"], job["endedAt"]))
    return (job["name"], job["status"], job["phase"], age, ran, " ".join(why.split()))


@click.command(short_help="Show everything about a job.")
@asks_server
@click.argument("job")
@as_json
def describe(client: EmulatorClient, job: str, as_json: bool) -> None:
    """Show a job: state, hosts, transfers, peaks and history."""
    document = client.job(job)
    if as_json:
        _print_json(document)
        return
    from rich.console import Console

    from processing_emulator.cli.watch import summary

    Console(soft_wrap=True, highlight=False).print(summary(document, why=True))
    click.echo(f"  {readiness_line(document)}")
    rows = [(event["at"], event["action"], _details(event["detail"])) for event in document["events"]]
    click.echo("\n" + table(("TIME", "EVENT", "DETAILS"), rows))


def readiness_line(document: Document) -> str:
    """How many findings of each kind the way to the cloud has, and the command that lists them."""
    verdicts = [finding["verdict"] for finding in document["cloudReadiness"]["findings"]]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return f"in the cloud: {counts or 'nothing to say'} (processing-emulator readiness {document['name']})"


def _details(detail: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {_word(value)}" for name, value in detail.items() if value != [])


def _word(value: object) -> object:
    return ("yes" if value else "no") if isinstance(value, bool) else value


@click.command(short_help="Print what a job prints.")
@asks_server
@click.argument("job")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--since", help="Only lines from this time on: 30s, 5m, 2h ago, or 2026-01-31T12:00.")
@click.option("--host", metavar="algo-N", help="Only this host.  [default: all]")
@click.option("--tail", type=click.IntRange(1, 10_000), help="Only the last lines of each host.")
@as_json
def logs(
    client: EmulatorClient, job: str, follow: bool, since: str | None, host: str | None, tail: int | None, as_json: bool
) -> None:
    """Print the log of a job; with several hosts, each line begins with its host."""
    from processing_emulator.cli import job_logs

    hosts = job_logs.host_names(client, job, host)

    printed = False

    def show(name: str, event: Document) -> None:
        nonlocal printed
        printed = True
        if as_json:
            click.echo(json.dumps({"host": name, **event}))
        else:
            click.echo(f"{name} | {event['message']}" if len(hosts) > 1 else event["message"])

    run = job_logs.follow_logs if follow else job_logs.print_logs
    with left_to_itself(job):
        run(client, job, hosts, show, begin=job_logs.since(since), tail=tail)
    if not printed and not as_json:
        click.echo(f"{job} has printed nothing", err=True)


@click.command(short_help="Follow a job until it ends.")
@asks_server
@click.argument("job")
@as_json
def watch(client: EmulatorClient, job: str, as_json: bool) -> None:
    """Follow a job: log, phases, transfers and peaks. The exit code is 0 if it completes, else 1."""
    sys.exit(_watch(client, job, as_json))


@contextmanager
def left_to_itself(job: str) -> Iterator[None]:
    """Ctrl-C ends a command that follows a job, not the job: say so."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            f"\n{job} goes on. See it: processing-emulator watch {job}. Stop it: processing-emulator cancel {job}",
            err=True,
        )
        sys.exit(EXIT_INTERRUPTED)


def _watch(client: EmulatorClient, job: str, as_json: bool) -> int:
    from rich.console import Console

    from processing_emulator.cli.watch import watch as follow

    with left_to_itself(job):
        document = follow(client, job, Console(stderr=as_json, highlight=False))
    if as_json:
        _print_json(document)
    return 0 if document["status"] == "Completed" else 1


@click.command(short_help="Stop a job.")
@asks_server
@click.argument("job")
@as_json
def cancel(client: EmulatorClient, job: str, as_json: bool) -> None:
    """Ask a job to stop: its container gets the stop signal, and is killed after the grace time."""
    with service_errors(client):
        client.aws("sagemaker").stop_processing_job(ProcessingJobName=job)
    document = client.job(job)
    if as_json:
        _print_json(document)
    else:
        click.echo(f"{job}: {document['status']}")


@click.command("open", short_help="Open the dashboard in a browser.")
@asks_server
@click.argument("job", required=False)
@click.option("--print", "only_print", is_flag=True, help="Print the address instead.")
def open_dashboard(client: EmulatorClient, job: str | None, only_print: bool) -> None:
    """Open the dashboard, or the page of a job."""
    path = list_path()
    if job is not None:
        client.job(job)
        path = job_path(JobKey(account=client.account, region=client.region, name=job))
    url = f"{client.url}{path}"
    if only_print or not webbrowser.open(url):
        click.echo(url)


@click.command(short_help="Show or clear the cache of inputs.")
@asks_server
@click.argument("action", type=click.Choice(["show", "clear"]), default="show")
@as_json
def cache(client: EmulatorClient, action: str, as_json: bool) -> None:
    """Show what the cache of inputs holds, or clear it. Jobs that run keep the files that they use."""
    document = client.delete("cache") if action == "clear" else client.get("cache")
    if as_json:
        _print_json(document)
    else:
        click.echo(cache_lines(document))


@click.command(short_help="Delete jobs, logs and objects.")
@asks_server
@click.option("--scope", type=click.Choice(["all", "jobs", "s3"]), default="all", show_default=True)
@click.option("--external", is_flag=True, help="Empty an S3 store that is not the emulator's own, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def reset(client: EmulatorClient, scope: str, external: bool, yes: bool, as_json: bool) -> None:
    """Delete what the server keeps: running jobs are killed, and nothing can be brought back."""
    if not yes:
        client.get("health")  # ask only where a server answers
        click.confirm(f"Delete {'everything' if scope == 'all' else scope} at {client.url}?", abort=True)
    document = client.post("reset", scope=scope, external="true" if external else None)
    if as_json:
        _print_json(document)
    else:
        click.echo("done")


def _known_instance_type(_context: click.Context, option: click.Parameter, name: str) -> str:
    types = catalogue()
    if name in types:
        return name
    near = get_close_matches(name if name.startswith("ml.") else f"ml.{name}", types, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "they look like ml.m5.large"
    raise click.BadParameter(f"there is no instance type {name}; {hint}", param=option)


@click.command(short_help="Run a job from one line.", context_settings={"allow_interspersed_args": False})
@asks_server
@click.argument("image")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--in", "inputs", multiple=True, metavar="SOURCE[:/FOLDER]", help="s3://…, a folder or a file.")
@click.option("--out", "outputs", multiple=True, metavar="TARGET[:/FOLDER]", help="s3://…, or a folder here.")
@click.option("-e", "--env", "environment", multiple=True, metavar="NAME=VALUE", help="A variable of the container.")
@click.option("--name", help="Name of the job.  [default: run- and the time]")
@click.option("--instance-type", default="ml.t3.medium", show_default=True, callback=_known_instance_type)
@click.option("--instance-count", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option("--volume-size", "volume_size_in_gb", default=30, show_default=True, help="Size of the volume in GB.")
@click.option("--max-runtime", "max_runtime_seconds", type=int, help="Seconds after which the job is stopped.")
@click.option("--keep-failed", is_flag=True, help="If the job fails, keep it for `debug`.")
@click.option("-d", "--detach", is_flag=True, help="Print the name of the job and do not wait.")
@as_json
def run(client: EmulatorClient, environment: tuple[str, ...], detach: bool, as_json: bool, **line: Any) -> None:
    """Run IMAGE as a processing job and follow it: run --in data --out results -- IMAGE python3 main.py

    Folders default to /opt/ml/processing/input and /opt/ml/processing/output. The exit code is 0 if the job completes.
    """
    from processing_emulator.cli.job_from_line import JobFromLine, JobLine, command_words

    line["command"] = command_words(line["command"])
    job = JobFromLine(client, JobLine(environment=_variables(environment), **line))
    job.create()
    if detach:
        click.echo(json.dumps({"name": job.name}) if as_json else job.name)
        return
    code = _watch(client, job.name, as_json)
    for path in job.download():
        click.echo(f"  wrote {path}", err=as_json)
    sys.exit(code)


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    for text in given:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--env")
    return dict(text.split("=", 1) for text in given)


COMMANDS = (ps, describe, logs, watch, cancel, open_dashboard, cache, reset, run)
