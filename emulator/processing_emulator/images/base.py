"""The base image, Debian 12 with Python 3.11: pulled, or built from Debian packages when no registry answers."""

import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException

from processing_emulator.domain.stand_ins import PYTHON
from processing_emulator.images.context import fingerprint
from processing_emulator.images.failure import CannotBuild
from processing_emulator.images.folder import recipes_folder

FOLDER = recipes_folder() / "python-base"
REPOSITORY = "processing-emulator/python-base"
STABLE_TAGS = PYTHON.tags

SILENCE_SECONDS = 20.0
"""A pull without progress for this long counts as: no registry."""

BOOTSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=apt",
    "--include=python3-minimal,python3-venv,ca-certificates,procps",
    "--customize-hook=ln -s python3 $1/usr/bin/python",
    "bookworm",
)
CHANGES = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
)

_TOOLS = ("mmdebstrap", "debian-archive-keyring")
_INSTALL = (
    ("apt-get", "update", "-qq"),
    ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *_TOOLS),
)


class BaseUnavailable(CannotBuild):
    """The base can neither be pulled nor built from Debian packages; the text is for the user."""


def content_tag() -> str:
    """The tag of the base image, a hash of how it is built."""
    pinned = {"Dockerfile": FOLDER / "Dockerfile"}
    return f"{REPOSITORY}:{fingerprint(pinned, [*BOOTSTRAP, *CHANGES])}"


def upstream_reference() -> str:
    """The upstream image, pinned by digest in python-base/Dockerfile."""
    found = re.search(r"^FROM (\S+@sha256:[0-9a-f]{64})$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    if found is None:
        raise BaseUnavailable(f"{FOLDER}/Dockerfile does not name an image by digest")
    return found[1]


def obtain(client: docker.DockerClient, on_progress: Callable[[str], None]) -> str:
    """Pull the base or build it; returns the image's id. Raises BaseUnavailable."""
    on_progress(f"pulling {upstream_reference()}")
    try:
        return pull(client, upstream_reference())
    except (APIError, TimeoutError) as error:
        why = error.explanation if isinstance(error, APIError) else error
        on_progress(f"cannot pull it ({why}); building it from Debian packages instead")
    return bootstrap(client)


def pull(client: docker.DockerClient, reference: str, *, silence_seconds: float = SILENCE_SECONDS) -> str:
    """Pull an image and return its id. Raises APIError from the engine, TimeoutError when the pull stalls."""
    for event in _listen(client, reference, silence_seconds):
        if "error" in event:
            raise APIError(event["error"])
    return str(client.images.get(reference).id)


def _listen(client: docker.DockerClient, reference: str, silence_seconds: float) -> Iterator[Mapping[str, Any]]:
    """Progress of a pull. The SDK has no timeout for it, so a second thread reads and this one waits with a timeout."""
    events: queue.Queue[Mapping[str, Any] | BaseException | None] = queue.Queue()

    def work() -> None:
        try:
            for event in client.api.pull(reference, stream=True, decode=True):
                events.put(event)
            events.put(None)
        except (DockerException, OSError) as error:
            events.put(error)

    threading.Thread(target=work, daemon=True).start()
    while True:
        try:
            event = events.get(timeout=silence_seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {silence_seconds:g} s") from None
        if isinstance(event, BaseException):
            raise event
        if event is None:
            return
        yield event


def bootstrap(client: docker.DockerClient) -> str:
    """Build the base with mmdebstrap and import it; returns the image's id. Raises BaseUnavailable."""
    _need_mmdebstrap()
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as tar:
        with os.fdopen(writing, "wb") as target:
            process = subprocess.Popen([*BOOTSTRAP, "-"], stdin=subprocess.DEVNULL, stdout=target)
        answer = client.api.import_image_from_stream(tar, changes=list(CHANGES))
    if process.wait() != 0:
        raise BaseUnavailable("mmdebstrap failed, see above: the base image could not be built from Debian packages")
    found = re.search(r"sha256:[0-9a-f]{64}", answer)
    if found is None:
        raise BaseUnavailable(f"the engine did not import the base image: {answer.strip()}")
    return found[0]


def _need_mmdebstrap() -> None:
    if shutil.which("mmdebstrap"):
        return
    is_root_on_debian = os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get")
    if is_root_on_debian and all(_runs(*command) for command in _INSTALL):
        return
    raise BaseUnavailable(
        f"no registry gives {upstream_reference()}, and mmdebstrap, which builds it from Debian packages, is missing: "
        f"connect to a registry and run docker pull {upstream_reference()}; or on Debian and Ubuntu "
        f"sudo apt-get install {' '.join(_TOOLS)}; or load images from a file: processing-emulator images load FILE"
    )


def _runs(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL).returncode == 0
