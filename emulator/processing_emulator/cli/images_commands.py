"""The commands for images: list, build, pull, save, load."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from processing_emulator.cli.formatting import table
from processing_emulator.cli.settings_flags import GroupedCommand, UsageFault, load_settings, settings_flags
from processing_emulator.config import Settings
from processing_emulator.domain.stand_ins import STAND_INS, StandIn, stand_in_named, why_never_built
from processing_emulator.errors import RuntimeFailure
from processing_emulator.quantities import duration, size

if TYPE_CHECKING:
    import docker

BUILD_SECONDS = 1800
"""Longest silence of the engine during a step of a build."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class ImageFault(click.ClickException):
    """An image cannot be had: what is wrong and what to do, exit code 1."""


@click.group(short_help="Build, list, pull, save and load the images that jobs run in.")
def images() -> None:
    """The images that jobs run in: ours, which stand in for AWS's, and others."""


def _with_engine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the setting that names the engine; the command gets a Docker client first. Its failures are one sentence."""

    @settings_flags("docker_host")
    @wraps(command)
    def with_client(**options: Any) -> Any:
        settings = load_settings({"docker_host": options.pop("docker_host")})
        with _client(settings) as client:
            return command(client, **options)

    return with_client


@contextmanager
def _client(settings: Settings) -> Iterator["docker.DockerClient"]:
    import docker

    from processing_emulator.adapters.docker_runtime.clients import Call, Engine
    from processing_emulator.adapters.docker_runtime.errors import translated
    from processing_emulator.images.failure import CannotBuild

    try:
        with closing(Engine(settings.docker_host)) as engine, engine.call(Call.INFO) as api:
            version = str(api.api_version)
        with (
            translated(engine, "handle images", BUILD_SECONDS),
            closing(docker.DockerClient(**engine.target(), version=version, timeout=BUILD_SECONDS)) as client,
        ):
            yield client
    except (RuntimeFailure, CannotBuild) as error:
        raise ImageFault(str(error)) from error


@images.command("list", cls=GroupedCommand, short_help="List our images.")
@_with_engine
@as_json
def list_command(client: "docker.DockerClient", as_json: bool) -> None:
    """List our images: whether each is built, its size, and what it stands in for."""
    from processing_emulator.images.catalogue import list_images

    found = list_images(client)
    if as_json:
        click.echo(json.dumps([_document(image.stand_in, image.state, image.size_bytes) for image in found], indent=2))
        return
    rows = [
        (image.stand_in.name, image.stand_in.tag, image.state, size(image.size_bytes), image.stand_in.replaces)
        for image in found
    ]
    click.echo(table(("NAME", "TAG", "STATE", "SIZE", "STANDS IN FOR"), rows))
    if any(image.state != "built" and not image.stand_in.on_demand for image in found):
        click.echo("\nBuild what is missing: processing-emulator images build", err=True)


def _document(stand_in: StandIn, state: str, size_bytes: int | None) -> dict[str, object]:
    return {
        "name": stand_in.name,
        "tag": stand_in.tag,
        "state": state,
        "sizeBytes": size_bytes,
        "replaces": stand_in.replaces,
        "onDemand": stand_in.on_demand,
        "build": stand_in.build_command,
    }


@images.command("build", cls=GroupedCommand, short_help="Build our images.")
@click.argument("names", nargs=-1, metavar="[NAME[:VERSION]]...")
@_with_engine
@as_json
def build_command(client: "docker.DockerClient", names: tuple[str, ...], as_json: bool) -> None:
    """Build images that are missing or outdated; without NAME all but those that are built on demand only."""
    from processing_emulator.images.builder import build

    wanted = [_named(name) for name in names] or [image for image in STAND_INS if not image.on_demand]
    documents = []
    for image in wanted:
        built = build(client, image.name, _progress(image.name))
        how = "exists" if built.seconds is None else f"built in {duration(built.seconds)}"
        documents.append({"name": image.name, "tag": image.tag, "id": built.image_id, "seconds": built.seconds})
        if not as_json:
            click.echo(f"{image.tag} {how}")
    if as_json:
        click.echo(json.dumps(documents, indent=2))


def _named(name: str) -> StandIn:
    found = stand_in_named(name)
    if found is None:
        reason = why_never_built(name) or f"there are {', '.join(image.name for image in STAND_INS)}"
        raise UsageFault(f"no image {name}: {reason}")
    return found


def _progress(name: str) -> Callable[[str], None]:
    return lambda line: click.echo(f"{name}: {line}", err=True)


@images.command("pull", cls=GroupedCommand, short_help="Pull an image, as a job would.")
@click.argument("reference", metavar="IMAGE")
@settings_flags("docker_host", "image_platform")
@as_json
def pull_command(reference: str, docker_host: str | None, image_platform: str | None, as_json: bool) -> None:
    """Pull an image with Docker's own credentials; jobs then find it on this machine."""
    from processing_emulator.adapters.docker_runtime.clients import Engine
    from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
    from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
    from processing_emulator.ports import PullPolicy

    settings = load_settings({"docker_host": docker_host, "image_platform": image_platform})
    defaults = ContainerDefaults(emulator_id="images", platform=settings.image_platform)
    with closing(DockerRuntime(Engine(settings.docker_host), defaults)) as runtime:
        try:
            found = runtime.ensure_image(reference, PullPolicy.ALWAYS, _progress(reference), threading.Event())
        except RuntimeFailure as error:
            raise ImageFault(str(error)) from error
    document = {"reference": reference, "id": found.id, "platform": found.platform, "digests": list(found.digests)}
    click.echo(json.dumps(document) if as_json else f"{reference} {found.id} {found.platform}")


@images.command("save", cls=GroupedCommand, short_help="Write images to a file.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME|IMAGE]...")
@_with_engine
@as_json
def save_command(client: "docker.DockerClient", file: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Write images to FILE for a machine without network: ours that are built, or those named."""
    from processing_emulator.images.archive import save

    tags = _tags_to_save(client, names)
    written = save(client, tags, file)
    if as_json:
        click.echo(json.dumps({"file": str(file), "sizeBytes": written, "tags": tags}))
    else:
        click.echo(f"{file} {size(written)}: {', '.join(tags)}")


def _tags_to_save(client: "docker.DockerClient", names: tuple[str, ...]) -> list[str]:
    """Each image under its stable tags and the tag by which a build finds it."""
    from processing_emulator.images.catalogue import list_images

    listed = {image.stand_in.name: image for image in list_images(client)}
    wanted = [_named(name).name if stand_in_named(name) or why_never_built(name) else name for name in names]
    tags: list[str] = []
    for name in wanted or [name for name, image in listed.items() if image.size_bytes is not None]:
        image = listed.get(name)
        if image is None:
            tags.append(name)
        elif image.size_bytes is None:
            raise ImageFault(f"{image.stand_in.tag} is not built: {image.stand_in.build_command}")
        else:
            tags += [*image.stand_in.tags, *([image.content_tag] if image.content_tag else [])]
    if not tags:
        raise ImageFault("there is nothing to save: no image of ours is built (processing-emulator images build)")
    return tags


@images.command("load", cls=GroupedCommand, short_help="Load images from a file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_with_engine
@as_json
def load_command(client: "docker.DockerClient", file: Path, as_json: bool) -> None:
    """Load the images of FILE, which `images save` or `docker save` wrote."""
    from processing_emulator.images.archive import load

    lines = load(client, file)
    click.echo(json.dumps({"loaded": lines}) if as_json else "\n".join(lines))


@click.command(short_help="Print a Compose file for the server and an S3 store.")
def compose() -> None:
    """Print a Compose file: processing-emulator compose > docker-compose.yml"""
    from processing_emulator.images.compose import compose_text

    sys.stdout.write(compose_text())


COMMANDS = (images, compose)
