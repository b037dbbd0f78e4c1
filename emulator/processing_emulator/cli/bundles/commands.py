"""The commands of bundles and of the way from the cloud."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import click
from click.core import ParameterSource

from processing_emulator.cli.client_commands import EXIT_INTERRUPTED, as_json, asks_server, left_to_itself
from processing_emulator.cli.emulator_client import Document, EmulatorClient
from processing_emulator.cli.formatting import counted, table
from processing_emulator.domain.instance_types import GIB
from processing_emulator.quantities import size

MOST_ROWS = 100
"""Differences that are printed for people."""

overwrite = click.option("--overwrite", is_flag=True, help="Replace objects that are there and differ.")


class NoComparison(click.ClickException):
    """A replay found neither that all is the same nor what differs: exit code 2, as `diff` has it."""

    exit_code = 2


def printable(text: str) -> str:
    """A text of unknown origin without what would control the terminal."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


@contextmanager
def printable_faults(kind: type[click.ClickException] = click.ClickException) -> Iterator[None]:
    """Faults name what stands in a file of somebody else. After Ctrl-C the exit code is that of other commands."""
    try:
        yield
    except KeyboardInterrupt:  # click would end with 1, which says "different"
        click.echo("Aborted!", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.UsageError:  # names what the user typed
        raise
    except click.ClickException as fault:
        raise kind(printable(fault.message)) from fault


def say(sentence: str) -> None:
    """A line beside the result."""
    click.echo(printable(sentence), err=True)


@click.command(short_help="Write a job into one file.")
@asks_server
@click.argument("job")
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False, path_type=Path), help="[default: JOB.bundle.zip]"
)
@click.option("--data", "with_data", is_flag=True, help="Put the objects of the inputs into it, too.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@as_json
def bundle(
    client: EmulatorClient, job: str, path: Path | None, with_data: bool, overwrite: bool, as_json: bool
) -> None:
    """Write a job that has ended into one file: request, history, log, samples, image, lists of inputs and outputs.

    Nothing in it is secret of the emulator's; variables, arguments and log are in it as they are.
    """
    from processing_emulator.cli.bundles.bundling import bundle as write

    done = write(client, job, path or Path(f"{job}.bundle.zip"), with_data=with_data, overwrite=overwrite)
    if as_json:
        click.echo(json.dumps(done, indent=2))
        return
    for note in done["notes"]:
        say(note)
    data = f" with {size(done['dataBytes'])} of data" if with_data else ""
    lists = f"{counted(done['inputs'], 'input object')}{data}, {counted(done['outputs'], 'output object')}"
    click.echo(f"wrote {done['file']} ({size(done['bytes'])}): {lists}")
    say("it holds the job's environment, arguments and log as they are; look before you give it away")


@click.command(short_help="Run a bundled job here and compare.")
@asks_server
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the new job.  [default: the old one, or one like it if that is taken]")
@overwrite
@click.option("--keep-outputs", is_flag=True, help="Write to the original prefixes.  [default: below replays/NAME/]")
@click.option("--dry-run", is_flag=True, help="Compare the inputs only; upload and run nothing.")
@click.option("--max-data-gib", default=10.0, show_default=True, type=click.FloatRange(0), help="Most data to unpack.")
@as_json
def replay(
    client: EmulatorClient,
    file: Path,
    name: str | None,
    overwrite: bool,
    keep_outputs: bool,
    dry_run: bool,
    max_data_gib: float,
    as_json: bool,
) -> None:
    """Run the job of a bundle on this server, and say what differs.

    It runs in the region that it had, unless --region names another. The exit code is 0 only if image, inputs, end and
    outputs are the same, 1 if something differs, and 2 for everything else.
    """
    from processing_emulator.cli.bundles.archive import open_bundle
    from processing_emulator.cli.bundles.replaying import ReplayOptions
    from processing_emulator.cli.bundles.replaying import replay as run

    options = ReplayOptions(
        name=name,
        overwrite=overwrite,
        keep_outputs=keep_outputs,
        dry_run=dry_run,
        most_data_bytes=int(max_data_gib * GIB),
    )
    with printable_faults(NoComparison), open_bundle(file) as opened:
        there = _in_region(client, opened.manifest.region)
        done = run(there, opened, options, say, lambda job: _follow(there, job))
    click.echo(json.dumps(done.document(), indent=2) if as_json else _replay_lines(done.document()))
    sys.exit(0 if done.is_same else 1)


def _in_region(client: EmulatorClient, region: str | None) -> EmulatorClient:
    """The client in the region that a file names, unless --region names another."""
    source = click.get_current_context().get_parameter_source("region")
    return replace(client, region=region) if region and source is ParameterSource.DEFAULT else client


def _follow(client: EmulatorClient, job: str) -> Document:
    """Until the job has ended; what it prints goes beside the result."""
    from rich.console import Console

    from processing_emulator.cli.watch import watch

    with left_to_itself(job):
        return watch(client, job, Console(stderr=True, highlight=False))


def _replay_lines(done: Document) -> str:
    heading = ("DIFFERENT", "BEFORE", "NOW")
    same = "the same: image, inputs, end and outputs" if done["hasRun"] else "the same: inputs"
    differences = done["differences"]
    parts = [_rows(heading, differences[:MOST_ROWS]) if differences else same]
    if len(differences) > MOST_ROWS:
        parts.append(f"and {len(differences) - MOST_ROWS} more; --json lists them")
    if done["measured"]:
        parts.append(_rows(("MEASURED", "BEFORE", "NOW"), done["measured"]))
    return "\n\n".join(parts)


def _rows(heading: Sequence[str], rows: Sequence[Document]) -> str:
    return table(heading, [tuple(printable(row[name]) for name in ("what", "before", "now")) for row in rows])


@click.command("import", short_help="Run a job of the cloud here.")
@asks_server
@click.argument("file", type=click.File("rb", lazy=True))
@click.option("--name", help="Name of the job.  [default: that in the cloud, or one like it if that is taken]")
@click.option("--image", help="Image to run instead of the one that the job names.")
@click.option("--instance-type", help="Instance type instead of the job's.")
@click.option("--bucket", "buckets", multiple=True, metavar="FROM=TO", help="Use the bucket TO for the cloud's FROM.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Upload the inputs from FOLDER/BUCKET/KEY.",
)
@overwrite
@click.option("--dry-run", is_flag=True, help="Print the request, and upload and run nothing.")
@click.option("-d", "--detach", is_flag=True, help="Print the name of the job and do not wait.")
@as_json
@printable_faults()
def import_(
    client: EmulatorClient,
    file: IO[bytes],
    buckets: tuple[str, ...],
    data: Path | None,
    overwrite: bool,
    dry_run: bool,
    detach: bool,
    as_json: bool,
    **changes: str | None,
) -> None:
    """Run a job of the cloud here. FILE is what `aws sagemaker describe-processing-job` prints; - is standard input.

    It runs in the region that it had, unless --region names another. The exit code is 0 if it completes.
    """
    from processing_emulator.cli.bundles.archive import DOCUMENT_LIMITS
    from processing_emulator.cli.bundles.importing import Mapped, create_imported, imported, parse_document

    document = parse_document(file.read(DOCUMENT_LIMITS["describe"] + 1))
    if data is not None and not data.is_dir():
        raise click.BadParameter(f"there is no folder {data}", param_hint="--data")
    client = _in_region(client, document.region)
    made = imported(document, Mapped(account=client.account, buckets=_pairs(buckets), **changes))
    for note in made.notes:
        say(note)
    if dry_run:
        click.echo(json.dumps(made.request, indent=2))
        return
    name = create_imported(client, made, data, overwrite=overwrite, say=say)
    say(f"runs as {name} in {client.region}")
    if detach:
        click.echo(json.dumps({"name": name, "region": client.region}) if as_json else name)
        return
    ended = _follow(client, name)
    if document.end is not None:
        say(document.end)
    if as_json:
        click.echo(json.dumps(ended, indent=2))
    sys.exit(0 if ended["status"] == "Completed" else 1)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    for text in given:
        one, equals, other = text.partition("=")
        if not (one and equals and other):
            raise click.BadParameter(f"{text!r} is not FROM=TO", param_hint="--bucket")
    return dict(text.split("=", 1) for text in given)


COMMANDS = (bundle, replay, import_)
