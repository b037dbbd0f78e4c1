"""Tries whether the engine can mount an overlay of folders of this process.

It cannot on every machine: the engine may run in a virtual machine or without root, see other folders than this process
does, or lack the file system. The trial container is created and never started: the engine mounts its volumes to copy
files from and to it.
"""

import io
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import docker
import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import LABEL_ID, ContainerDefaults, mount_body
from processing_emulator.adapters.docker_runtime.errors import explanation
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import OverlayMount

_LOWER_NAME, _UPPER_NAME = "lower", "upper"


def can_mount(engine: Engine, defaults: ContainerDefaults, image_id: str, overlay: OverlayMount) -> bool:
    """See `ContainerRuntime.can_mount`."""
    content = secrets.token_bytes(16)
    try:
        (overlay.lower / _LOWER_NAME).write_bytes(content)
        mount = mount_body(overlay, defaults)
    except (OSError, RuntimeFailure):  # there is no room for a file, or the folder's name cannot be in such a mount
        return False
    body = {
        "Image": image_id,
        "Entrypoint": ["/never-started"],
        "Labels": {LABEL_ID: defaults.emulator_id},
        "HostConfig": {"NetworkMode": "none", "Mounts": [mount]},
    }
    with engine.call(Call.CREATE) as api:
        try:
            with _container(api, body) as container_id:
                return _copies(api, container_id, overlay, content)
        except docker.errors.APIError as error:
            if not _is_refusal(error):
                raise
            return False


def _is_refusal(error: docker.errors.APIError) -> bool:
    """Whether the mount failed, or the file is not where the mount should be.

    A container that is gone says nothing: a sweep of leftovers may have taken it.
    """
    if error.status_code == HTTPStatus.NOT_FOUND:
        is_gone = "no such container" in explanation(error).lower()
        return not isinstance(error, docker.errors.ImageNotFound) and not is_gone
    return error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR


@contextmanager
def _container(api: docker.APIClient, body: dict[str, Any]) -> Iterator[str]:
    made = api.create_container_from_config(body)  # type: ignore[no-untyped-call]
    try:
        yield str(made["Id"])
    finally:
        api.remove_container(made["Id"], v=True, force=True)


def _copies(api: docker.APIClient, container_id: str, overlay: OverlayMount, content: bytes) -> bool:
    """Whether a file of the lower folder comes out, and one that is put in lands in the upper folder."""
    chunks, _ = api.get_archive(container_id, f"{overlay.target}/{_LOWER_NAME}")
    if content not in b"".join(chunks):
        return False
    api.put_archive(container_id, overlay.target, _archive(_UPPER_NAME, content))
    written = overlay.upper / _UPPER_NAME
    in_lower = [path.name for path in overlay.lower.iterdir()]
    return written.exists() and written.read_bytes() == content and in_lower == [_LOWER_NAME]


def _archive(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
