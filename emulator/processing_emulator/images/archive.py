"""Images as one file, for machines without a network: the tar of `docker save`, which `docker load` reads, too."""

from collections.abc import Sequence
from pathlib import Path

import docker
from docker.errors import APIError

from processing_emulator.images.builder import find_image
from processing_emulator.images.failure import CannotBuild

_CHUNK_BYTES = 1024 * 1024


class ArchiveFailed(CannotBuild):
    """Images could not be written to a file or read from it; the text is for the user."""


def save(client: docker.DockerClient, tags: Sequence[str], file: Path) -> int:
    """Write images under all these tags to a new file, shared layers once; returns its size in bytes.

    The file appears when it is whole. Raises ArchiveFailed, DockerException.
    """
    if missing := [tag for tag in tags if find_image(client, tag) is None]:
        raise ArchiveFailed(f"not on this machine: {', '.join(missing)}")
    partial = file.with_name(f"{file.name}.part")
    api = client.api
    url = f"{api.base_url}/v{api.api_version}/images/get"
    try:
        with api.get(url, params={"names": list(tags)}, stream=True, timeout=api.timeout) as answer:
            if answer.status_code != 200:
                raise ArchiveFailed(f"the engine does not give the images: {answer.text.strip()}")
            with partial.open("wb") as target:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    target.write(chunk)
        partial.replace(file)
    except OSError as error:
        raise ArchiveFailed(f"cannot write {file}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return file.stat().st_size


def load(client: docker.DockerClient, file: Path) -> list[str]:
    """Give the engine the images of a file; returns the lines that say what it loaded. Raises ArchiveFailed."""
    try:
        with file.open("rb") as source:
            events = list(client.api.load_image(source))  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ArchiveFailed(f"cannot read {file}: {error}") from error
    except APIError as error:
        raise ArchiveFailed(f"{file} is no file of images: {error.explanation}") from error
    for event in events:
        if "error" in event:
            raise ArchiveFailed(f"{file} is no file of images: {event['error']}")
    return [str(event["stream"]).strip() for event in events if str(event.get("stream", "")).startswith("Loaded")]
