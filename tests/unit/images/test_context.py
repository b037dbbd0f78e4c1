"""The hash that becomes an image's tag, and the tar of the build context."""

import tarfile
import tempfile
from pathlib import Path

import pytest

from processing_emulator.images.context import fingerprint, list_files, write_tar


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "sub" / "b.txt").write_text("b")
    return tmp_path


def test_fingerprint_does_not_depend_on_the_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "sub").mkdir()
    (other / "sub" / "b.txt").write_text("b")
    (other / "a.txt").write_text("a")
    assert fingerprint(list_files(folder)) == fingerprint(list_files(other))


def test_fingerprint_changes_with_content_name_mode_and_salt(folder: Path) -> None:
    seen = {fingerprint(list_files(folder)), fingerprint(list_files(folder), ["base"])}
    (folder / "a.txt").write_text("A")
    seen.add(fingerprint(list_files(folder)))
    (folder / "a.txt").chmod(0o755)
    seen.add(fingerprint(list_files(folder)))
    (folder / "a.txt").rename(folder / "c.txt")
    seen.add(fingerprint(list_files(folder)))
    assert len(seen) == 5


def test_fingerprint_ignores_compiled_python(folder: Path) -> None:
    before = fingerprint(list_files(folder))
    (folder / "sub" / "__pycache__").mkdir()
    (folder / "sub" / "__pycache__" / "b.cpython-311.pyc").write_bytes(b"x")
    assert fingerprint(list_files(folder)) == before


def test_list_files_prefixes_every_name(folder: Path) -> None:
    assert set(list_files(folder, below="x/")) == {"x/a.txt", "x/sub/b.txt"}


def test_tar_has_files_and_whole_folders_owned_by_root(folder: Path) -> None:
    with tempfile.TemporaryFile() as target:
        write_tar({"Dockerfile": folder / "a.txt", "packages": folder / "sub"}, target)
        with tarfile.open(fileobj=target) as tar:
            entries = {entry.name: (entry.uid, entry.gid, entry.uname) for entry in tar}
    assert set(entries) == {"Dockerfile", "packages", "packages/b.txt"}
    assert set(entries.values()) == {(0, 0, "root")}
