"""The folder of one instance."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from processing_emulator.engine.workspace import Workspace, counted
from processing_emulator.errors import Cancelled, DiskFull, StagingFailure

NEVER = threading.Event()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "1" / "algo-1")
    made.make_folders(["config", "output", "processing/out/deep"])
    return made


def test_every_folder_is_writable_by_anybody(workspace: Workspace) -> None:
    for folder in ("config", "output", "processing", "processing/out", "processing/out/deep"):
        assert stat.S_IMODE((workspace.root / folder).stat().st_mode) == 0o777


def test_making_folders_again_changes_nothing(workspace: Workspace) -> None:
    (workspace.root / "output" / "message").write_text("m")
    workspace.make_folders(["output"])
    assert workspace.read_message() == b"m"


def test_only_regular_files_are_found_and_the_rest_is_named(workspace: Workspace, tmp_path: Path) -> None:
    out = workspace.root / "processing" / "out"
    secret = tmp_path / "secret"
    secret.write_text("s")
    (out / "plain").write_bytes(b"12345")
    (out / "deep" / "below").write_bytes(b"1")
    (out / "link-to-file").symlink_to(secret)
    (out / "link-to-folder").symlink_to(tmp_path)
    (out / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(out / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        home = Path.cwd()
        os.chdir(out)
        try:
            server.bind("socket")
        finally:
            os.chdir(home)
    scan = workspace.scan("processing/out", NEVER)
    assert [(found.path, found.version.size_bytes) for found in scan.files] == [("deep/below", 1), ("plain", 5)]
    assert scan.skipped == ("dangling", "link-to-file", "link-to-folder", "pipe", "socket")


@pytest.mark.parametrize("instead", ["nothing", "link", "link-above", "file", "pipe"])
def test_nothing_outside_is_found_when_the_container_puts_something_else_in_a_folder_s_place(
    workspace: Workspace, tmp_path: Path, instead: str
) -> None:
    """A LocalPath inside another is an ordinary folder of that mount: the container may do with it as it likes."""
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "secret").write_text("s")
    (outside / "secret").write_text("s")
    deep = workspace.root / "processing" / "out" / "deep"
    deep.rmdir()
    match instead:
        case "link":
            deep.symlink_to(outside)
        case "link-above":
            deep.parent.rmdir()
            deep.parent.symlink_to(outside)
        case "file":
            deep.write_text("f")
        case "pipe":
            os.mkfifo(deep)
    scan = workspace.scan("processing/out/deep", NEVER)
    assert scan.files == ()
    assert scan.skipped == (".",)


def test_a_scan_ends_when_it_is_cancelled(workspace: Workspace) -> None:
    """A container may make files faster than they are found."""
    (workspace.root / "processing" / "out" / "file").write_text("f")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        workspace.scan("processing/out", cancelled)


def test_used_bytes_count_blocks_so_that_a_sparse_file_is_small_and_a_hard_link_is_free(workspace: Workspace) -> None:
    out = workspace.root / "processing" / "out"
    with (out / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert _used(workspace) < 1 << 20
    (out / "full").write_bytes(os.urandom(1 << 20))
    used = _used(workspace)
    assert 1 << 20 <= used < 2 << 20
    os.link(out / "full", out / "same")
    assert _used(workspace) == used


def _used(workspace: Workspace) -> int:
    used = counted(workspace.start_counting(), 30)
    assert used is not None
    return used


def test_files_behind_a_path_longer_than_paths_may_be_are_counted_too(workspace: Workspace) -> None:
    _nest(workspace.root / "output", "d" * 16, 300, 3 << 20)
    assert _used(workspace) > 3 << 20


def _nest(folder: Path, name: str, depth: int, size: int = 0) -> None:
    """Folders in folders, and a file in the last; by steps, because the path gets longer than a path may be."""
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(depth):
            os.mkdir(name)  # noqa: PTH102
            os.chdir(name)
        with open("file", "wb") as file:  # noqa: PTH123
            file.write(os.urandom(size))
    finally:
        os.fchdir(home)
        os.close(home)


@pytest.mark.parametrize("kind", ["missing", "symlink", "fifo", "folder"])
def test_a_message_that_is_no_regular_file_is_no_message(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    path = workspace.root / "output" / "message"
    if kind == "symlink":
        (tmp_path / "secret").write_text("s")
        path.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert workspace.read_message() == b""


def test_only_the_head_of_a_huge_message_is_read(workspace: Workspace) -> None:
    (workspace.root / "output" / "message").write_bytes(b"x" * 10_000_000)
    assert 1024 < len(workspace.read_message()) < 2048


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StagingFailure, match="cannot make the job's folders: Not a directory"):
        Workspace(tmp_path / "file" / "x").make_folders(["config"])


def test_a_full_disk_is_told_from_other_errors() -> None:
    with pytest.raises(DiskFull, match="No space left on device"):
        Workspace(Path("/dev")).write("full", b"x" * 10)
