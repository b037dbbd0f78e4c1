"""Overlay mounts on a real engine: what containers do to their view never reaches the files below it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.ports import OverlayMount, PullPolicy
from tests.fixtures_docker import TEST_IMAGE, RuntimeFactory, a_container

pytestmark = pytest.mark.docker

CHANGES = """
import mmap, os
os.chdir("/in")
os.chmod("chmod", 0o600)
os.chown("chown", 1000, 1000)
os.truncate("truncate", 0)
os.utime("utime", (1, 1))
fd = os.open("append", os.O_WRONLY | os.O_APPEND); os.write(fd, b"more"); os.close(fd)
fd = os.open("mmap", os.O_RDWR); view = mmap.mmap(fd, 0); view[0:2] = b"ZZ"; view.flush(); os.close(fd)
os.rename("folder", "renamed")
os.link("link", "second-name")
open("link", "r+b").write(b"Q")
assert open("second-name", "rb").read() == b"Qontent", "hard links made in a container are links"
assert open("twin", "rb").read() == b"content", "files that share a blob are files of their own"
os.unlink("unlink")
assert sorted(os.listdir("renamed")) == ["inside"]
"""

NAMES = ("chmod", "chown", "truncate", "utime", "append", "mmap", "link", "unlink", "folder/inside")


def folders(base: Path) -> OverlayMount:
    made = [base / name for name in ("lower", "upper", "work")]
    for folder in made:
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    return OverlayMount(lower=made[0], upper=made[1], work=made[2], target="/in")


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_no_change_in_a_container_reaches_the_blob(make_runtime: RuntimeFactory, tmp_path: Path, user: str) -> None:
    mount = folders(tmp_path / "job")
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for name in NAMES:
        blob = blobs / name.replace("/", "-")
        blob.write_bytes(b"content")
        blob.chmod(0o666)
        os.utime(blob, (1000, 1000))
        (mount.lower / name).parent.mkdir(exist_ok=True)
        (mount.lower / name).parent.chmod(0o777)
        os.link(blob, mount.lower / name)
    os.link(blobs / "link", mount.lower / "twin")
    before = {blob: facts(blob) for blob in blobs.iterdir()}
    code = CHANGES if user == "root" else "import os\nos.setuid(65534)\n" + _as_nobody(CHANGES)
    runtime = make_runtime()

    container_id = runtime.create(a_container("python3", "-c", code, mounts=(mount,)))
    runtime.start(container_id)
    ended = runtime.wait(container_id)
    lines = [line for batch in runtime.stream_logs(container_id, 0) for line in batch]
    runtime.remove(container_id)

    assert ended.code == 0, lines
    assert {blob: facts(blob) for blob in blobs.iterdir()} == before


def _as_nobody(code: str) -> str:
    """Without what only an owner may do."""
    return "\n".join(line for line in code.splitlines() if not line.startswith(("os.chmod", "os.chown", "os.utime")))


def facts(path: Path) -> tuple[bytes, int, int, int, float]:
    state = path.stat()
    return path.read_bytes(), state.st_mode, state.st_uid, state.st_ino, state.st_mtime


def test_engine_that_sees_other_folders_cannot_mount(make_runtime: RuntimeFactory, tmp_path: Path) -> None:
    """As in a virtual machine, or for a server in a container whose folders are elsewhere on the host."""
    elsewhere = tmp_path / "elsewhere"
    folders(elsewhere)
    runtime = make_runtime(translate=lambda path: elsewhere / path.name)
    missing = make_runtime(translate=lambda path: tmp_path / "missing" / path.name)
    mount = folders(tmp_path / "here")
    image_id = _image_id(runtime)

    assert not runtime.can_mount(image_id, mount)
    assert not missing.can_mount(image_id, mount)
    assert not runtime.list_ours()
    assert not missing.list_ours()


def test_folder_that_cannot_be_named_in_a_mount_is_no_error(make_runtime: RuntimeFactory, tmp_path: Path) -> None:
    runtime = make_runtime()

    assert not runtime.can_mount(_image_id(runtime), folders(tmp_path / "a,b"))


def test_volumes_that_an_engine_has_left_are_removed(make_runtime: RuntimeFactory, tmp_path: Path) -> None:
    runtime = make_runtime()
    mount = folders(tmp_path / "job")
    runtime.create(a_container("true", mounts=(mount,)))
    (container,) = runtime.list_ours()
    label = f"processing-emulator.id={container.labels['processing-emulator.id']}"
    with_engine(lambda engine: engine.api.remove_container(container.id, v=False, force=True))
    assert volumes(label)

    runtime.remove_unused_volumes()

    assert not volumes(label)


def volumes(label: str) -> list[str]:
    found: list[str] = []
    with_engine(lambda engine: found.extend(str(v.id) for v in engine.volumes.list(filters={"label": label})))
    return found


def with_engine(use: Callable[[docker.DockerClient], object]) -> None:
    engine = docker.from_env()
    try:
        use(engine)
    finally:
        engine.close()


def _image_id(runtime: DockerRuntime) -> str:
    return runtime.ensure_image(TEST_IMAGE, PullPolicy.NEVER, lambda _line: None, threading.Event()).id
