"""Files of a folder that a container changes while we look: nothing outside it is ever found or opened."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from processing_emulator.untrusted_folder import is_folder, iter_entries, open_file
from tests.fixtures_docker import missing

SECRET = b"secret"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`out/sub/file` below the root, and a folder like it outside."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "out" / "sub").mkdir(parents=True)
    (root / "out" / "sub" / "file").write_bytes(b"ours")
    outside.mkdir()
    (outside / "file").write_bytes(SECRET)
    return root


def outside(root: Path) -> Path:
    return root.parent / "outside"


def found(root: Path, folder: str = "out") -> list[str]:
    return sorted(path for path, _ in iter_entries(root, folder))


def read(root: Path, path: str) -> bytes:
    with os.fdopen(open_file(root, path), "rb") as file:
        return file.read()


def test_a_file_is_found_and_read(root: Path) -> None:
    assert found(root) == ["out/sub/file"]
    assert read(root, "out/sub/file") == b"ours"


def test_a_link_in_place_of_a_folder_is_an_entry_and_leads_nowhere(root: Path) -> None:
    (root / "out" / "sub").rename(root / "sub")
    (root / "out" / "sub").symlink_to(outside(root))
    assert found(root) == ["out/sub"]
    with pytest.raises(NotADirectoryError):
        open_file(root, "out/sub/file")


def test_a_link_in_place_of_the_output_folder_is_not_entered(root: Path) -> None:
    (root / "out").rename(root / "moved")
    (root / "out").symlink_to(outside(root))
    assert not is_folder(root, "out")
    assert found(root) == []
    with pytest.raises(NotADirectoryError):
        open_file(root, "out/file")


def test_a_link_in_place_of_a_file_is_refused(root: Path) -> None:
    (root / "out" / "link").symlink_to(outside(root) / "file")
    with pytest.raises(OSError, match="symbolic links") as caught:
        open_file(root, "out/link")
    assert caught.value.errno == errno.ELOOP


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: Path(path).mkdir()], ids=["fifo", "folder"])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(root: Path, make: Callable[[Path], None]) -> None:
    make(root / "out" / "thing")
    with pytest.raises(OSError, match="Not a regular file"):
        open_file(root, "out/thing")


def test_a_device_is_never_opened(root: Path) -> None:
    try:
        os.mknod(root / "out" / "zero", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        missing("only root may make a device")
    assert "out/zero" in found(root)
    with pytest.raises(OSError, match="Not a regular file"):
        open_file(root, "out/zero")


def test_a_folder_swapped_for_a_link_all_the_time_never_gives_a_secret(root: Path) -> None:
    """A container may swap them as fast as it can; whatever moment we come at, we read its file or nothing."""
    sub, hidden, ended = root / "out" / "sub", root / "out" / "hidden", threading.Event()

    def swap() -> None:
        while not ended.is_set():
            sub.rename(hidden)
            sub.symlink_to(outside(root))
            sub.unlink()
            hidden.rename(sub)

    swapper = threading.Thread(target=swap)
    swapper.start()
    contents: set[bytes] = set()
    errors = 0
    try:
        while not (contents and errors > 20):
            assert set(found(root)) <= {"out/sub", "out/sub/file", "out/hidden/file"}
            try:
                contents.add(read(root, "out/sub/file"))
            except OSError:
                errors += 1
    finally:
        ended.set()
        swapper.join()
    assert contents == {b"ours"}


def test_names_that_are_not_utf8_are_found_and_read(root: Path) -> None:
    name = b"caf\xe9"
    (root / "out" / os.fsdecode(name)).write_bytes(b"x")
    assert found(root) == [f"out/{os.fsdecode(name)}", "out/sub/file"]
    assert read(root, f"out/{os.fsdecode(name)}") == b"x"


def test_a_tree_deeper_than_any_key_is_an_error_and_no_endless_work(root: Path) -> None:
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(root / "out")
        for _ in range(300):
            os.mkdir("d" * 16)  # noqa: PTH102  # the path gets longer than a path may be
            os.chdir("d" * 16)
    finally:
        os.fchdir(home)
        os.close(home)
    with pytest.raises(OSError, match="File name too long"):
        found(root)


def test_every_descriptor_is_closed(root: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("out/sub/file", "out/nothing", "out/sub/file/below"):
        try:
            os.close(open_file(root, path))
        except OSError:
            continue
    found(root)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
