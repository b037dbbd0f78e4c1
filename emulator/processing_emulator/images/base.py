"""The base images, Debian with a Python: pulled, or built from Debian packages when no registry answers."""

import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException

from processing_emulator.domain.stand_ins import PYTHON, PYTHON_39, StandIn
from processing_emulator.images.context import fingerprint
from processing_emulator.images.failure import CannotBuild
from processing_emulator.images.folder import recipes_folder

SILENCE_SECONDS = 20.0
"""A pull without progress for this long counts as: no registry."""

BOOTSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=apt",
    "--include=python3-minimal,python3-venv,ca-certificates,procps",
    "--customize-hook=ln -s python3 $1/usr/bin/python",
)
"""The suite of Debian follows."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One base image. `dockerfile` only names the upstream image; `suite` is the Debian that has this Python."""

    stand_in: StandIn
    python: str
    dockerfile: Path
    suite: str
    smoke: Path = recipes_folder() / "python-base" / "smoke.py"
    """Gets `python` as its argument."""

    @property
    def repository(self) -> str:
        """The repository of its content tags."""
        return f"processing-emulator/{self.stand_in.name.replace(':', '-')}"

    def content_tag(self) -> str:
        """A hash of how it is built."""
        pinned = {"Dockerfile": self.dockerfile}
        return f"{self.repository}:{fingerprint(pinned, [*BOOTSTRAP, self.suite, *CHANGES])}"

    def upstream_reference(self) -> str:
        """The upstream image, pinned by digest."""
        found = re.search(r"^FROM (\S+@sha256:[0-9a-f]{64})$", self.dockerfile.read_text(), re.MULTILINE)
        if found is None:
            raise BaseUnavailable(f"{self.dockerfile} does not name an image by digest")
        return found[1]


_FOLDER = recipes_folder() / "python-base"

BASES = {
    base.stand_in.name: base
    for base in (
        Base(stand_in=PYTHON, python="3.11", dockerfile=_FOLDER / "Dockerfile", suite="bookworm"),
        Base(stand_in=PYTHON_39, python="3.9", dockerfile=_FOLDER / "3.9" / "Dockerfile", suite="bullseye"),
    )
}
"""By the name of the stand-in."""


def obtain(client: docker.DockerClient, base: Base, on_progress: Callable[[str], None]) -> str:
    """Pull a base or build it; returns the image's id. Raises BaseUnavailable."""
    on_progress(f"pulling {base.upstream_reference()}")
    try:
        return pull(client, base.upstream_reference())
    except (APIError, TimeoutError) as error:
        why = error.explanation if isinstance(error, APIError) else error
        on_progress(f"cannot pull it ({why}); building it from Debian packages instead")
    return bootstrap(client, base)


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


def bootstrap(client: docker.DockerClient, base: Base) -> str:
    """Build a base with mmdebstrap and import it; returns the image's id. Raises BaseUnavailable."""
    _need_mmdebstrap(base.upstream_reference())
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as tar:
        with os.fdopen(writing, "wb") as target:
            process = subprocess.Popen([*BOOTSTRAP, base.suite, "-"], stdin=subprocess.DEVNULL, stdout=target)
        answer = client.api.import_image_from_stream(tar, changes=list(CHANGES))
    if process.wait() != 0:
        raise BaseUnavailable("mmdebstrap failed, see above: the base image could not be built from Debian packages")
    found = re.search(r"sha256:[0-9a-f]{64}", answer)
    if found is None:
        raise BaseUnavailable(f"the engine did not import the base image: {answer.strip()}")
    return found[0]


def _need_mmdebstrap(upstream: str) -> None:
    if shutil.which("mmdebstrap"):
        return
    is_root_on_debian = os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get")
    if is_root_on_debian and all(_runs(*command) for command in _INSTALL):
        return
    raise BaseUnavailable(
        f"no registry gives {upstream}, and mmdebstrap, which builds it from Debian packages, is missing: "
        f"connect to a registry and run docker pull {upstream}; or on Debian and Ubuntu "
        f"sudo apt-get install {' '.join(_TOOLS)}; or load images from a file: processing-emulator images load FILE"
    )


def _runs(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL).returncode == 0
