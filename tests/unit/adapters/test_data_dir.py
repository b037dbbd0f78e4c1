"""The data directory."""

import stat
from pathlib import Path

import pytest

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.errors import StoreFailure


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_jobs_and_database(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "new" / "data")
    with data.locked():
        assert _mode(data.root) == 0o700
        assert _mode(data.jobs) == 0o700
        assert _mode(data.database) == 0o600


def test_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    for mode in (0o700, 0o755, 0o1777):
        tmp_path.chmod(mode)
        with DataDir(tmp_path).locked():
            assert _mode(tmp_path) == mode


def test_data_directory_is_locked_by_one_emulator(tmp_path: Path) -> None:
    with (
        DataDir(tmp_path).locked(),
        pytest.raises(StoreFailure, match="in use by another emulator"),
        DataDir(tmp_path).locked(),
    ):
        pass
    with DataDir(tmp_path).locked():
        pass


def test_id_is_created_once_and_replaced_when_damaged(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    first = data.emulator_id()
    assert data.emulator_id() == first
    (tmp_path / "id").write_bytes(b"\xff\xfe")
    assert len(data.emulator_id()) == 8


def test_secret_is_created_once_and_readable_only_by_the_owner(tmp_path: Path) -> None:
    data = DataDir(tmp_path)

    first = data.credential_secret()

    assert len(first) == 32
    assert DataDir(tmp_path).credential_secret() == first
    assert _mode(tmp_path / "credential-secret") == 0o600
    (tmp_path / "credential-secret").write_text("zz" * 32)
    assert data.credential_secret() not in (first, b"")
    assert _mode(tmp_path / "credential-secret") == 0o600


def test_unusable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreFailure, match="cannot be used: Not a directory"),
        DataDir(tmp_path / "file" / "x").locked(),
    ):
        pass
