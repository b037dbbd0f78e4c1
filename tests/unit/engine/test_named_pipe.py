"""The two names of a named pipe, and what a kill of the emulator leaves of them (spec 3.4)."""

import os
import threading
from pathlib import Path

import pytest

from processing_emulator.engine.named_pipe import NamedPipe
from processing_emulator.errors import Cancelled, StagingFailure

NEVER = threading.Event()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path


def a_pipe(root: Path) -> NamedPipe:
    return NamedPipe(root, "in/train", "pipes/0")


def names(root: Path) -> list[str]:
    return sorted(path.name for folder in ("in", "pipes/0") for path in (root / folder).iterdir())


def made(root: Path) -> NamedPipe:
    pipe = a_pipe(root)
    pipe.make()
    assert names(root) == ["0.waiting", "train_0"]
    return pipe


def readable(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def test_anybody_may_open_a_pipe(root: Path) -> None:
    made(root)
    assert (root / "in/train_0").stat().st_mode & 0o777 == 0o666


def test_a_wait_that_is_given_up_leaves_a_pipe_that_can_be_resumed(root: Path) -> None:
    pipe, given_up = made(root), threading.Event()
    given_up.set()
    with pytest.raises(Cancelled), pipe.opened(given_up):
        pass
    assert names(root) == ["0.waiting", "train_0"]
    assert a_pipe(root).resume()


def test_a_pipe_that_was_opened_cannot_be_resumed(root: Path) -> None:
    pipe, reader = made(root), readable(root / "in/train_0")
    with pipe.opened(NEVER) as writer:
        assert writer.write(b"text")
    os.close(reader)
    assert not a_pipe(root).resume()


@pytest.mark.parametrize("done", ["made", "linked", "removed from the container", "removed"])
def test_an_epoch_whose_end_was_interrupted_is_over(root: Path, done: str) -> None:
    pipe, reader = made(root), readable(root / "in/train_0")
    with pipe.opened(NEVER):
        pipe.end_epoch()
    os.close(reader)
    assert names(root) == ["1.waiting", "train_1"]
    if done != "removed":
        os.mkfifo(root / "pipes/0/0.taken")
    if done in ("made", "linked"):
        os.link(root / "pipes/0/0.taken", root / "in/train_0")
    if done == "made":
        (root / "in/train_1").unlink()

    resumed = a_pipe(root)
    assert resumed.resume()
    assert resumed.epoch == 1
    assert names(root) == ["1.waiting", "train_1"]


def test_a_file_of_the_container_is_not_removed_with_the_pipe(root: Path) -> None:
    pipe, reader = made(root), readable(root / "in/train_0")
    with pipe.opened(NEVER):
        (root / "in/train_0").unlink()
        (root / "in/train_0").write_bytes(b"mine")
        pipe.end_epoch()
    os.close(reader)
    assert (root / "in/train_0").read_bytes() == b"mine"
    assert names(root) == ["1.waiting", "train_0", "train_1"]


def test_after_the_last_pipe_there_is_nothing_to_resume(root: Path) -> None:
    pipe, reader = made(root), readable(root / "in/train_0")
    (root / "in").rename(root / "moved")
    with pipe.opened(NEVER), pytest.raises(StagingFailure, match=r"train_1: No such file or directory$"):
        pipe.end_epoch()
    os.close(reader)
    (root / "pipes/0/1.waiting").unlink()
    resumed = a_pipe(root)
    assert resumed.resume()
    assert resumed.is_over


def test_a_pipe_that_the_container_has_moved_can_be_resumed(root: Path) -> None:
    made(root)
    (root / "in").rename(root / "moved")
    resumed, reader = a_pipe(root), readable(root / "moved/train_0")
    assert resumed.resume()
    with resumed.opened(NEVER) as writer:
        assert writer.write(b"text")
        assert os.read(reader, 10) == b"text"
    os.close(reader)


def test_a_name_that_is_taken_is_an_error(root: Path) -> None:
    (root / "in/train_0").write_bytes(b"")
    with pytest.raises(StagingFailure, match=r"^cannot make the named pipe in/train_0: File exists$"):
        a_pipe(root).make()
