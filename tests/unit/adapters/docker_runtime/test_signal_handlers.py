"""Whether a process handles a signal, from its files below /proc."""

from pathlib import Path

import pytest

from processing_emulator.adapters.docker_runtime.signal_handlers import handles_signal

ID = "a" * 64


def a_process(root: Path, *, status: str, container: str = ID) -> Path:
    folder = root / "proc/42"
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text(f"12:pids:/docker/{container}\n")
    (folder / "status").write_text(status)
    return root


@pytest.mark.parametrize(("caught", "expected"), [("0000000000004000", True), ("0000000180014003", True), ("0", False)])
def test_bit_of_the_signal_decides(tmp_path: Path, caught: str, expected: bool) -> None:
    root = a_process(tmp_path, status=f"Name:\tsleep\nSigIgn:\t0\nSigCgt:\t{caught}\n")
    assert handles_signal(ID, 42, "SIGTERM", root) is expected


def test_process_that_is_not_the_container_s_tells_nothing(tmp_path: Path) -> None:
    root = a_process(tmp_path, status="SigCgt:\t0\n", container="b" * 64)
    assert handles_signal(ID, 42, "SIGTERM", root) is None


@pytest.mark.parametrize("status", ["", "Name:\tx\n", "SigCgt:\tnonsense\n"])
def test_files_without_the_answer_tell_nothing(tmp_path: Path, status: str) -> None:
    assert handles_signal(ID, 42, "SIGTERM", a_process(tmp_path, status=status)) is None
    assert handles_signal(ID, 0, "SIGTERM", tmp_path) is None
    assert handles_signal(ID, 43, "SIGTERM", tmp_path) is None
