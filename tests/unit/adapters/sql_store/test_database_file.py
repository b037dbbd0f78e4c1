"""A database file that is taken away from under a running server."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.store import Stores, open_store
from processing_emulator.errors import StoreLost
from tests.contract.ports.stores import add_job


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emulator.db"


@pytest.fixture
def stores(path: Path) -> Iterator[Stores]:
    opened = open_store(path)
    yield opened
    opened.close()


def another_database(path: Path) -> Path:
    """A whole one, made by the emulator as well."""
    other = path.with_name("other.db")
    open_store(other).close()
    return other


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    another_database(path).replace(path)


def overwrite(path: Path) -> None:
    path.write_bytes(another_database(path).read_bytes())


def truncate(path: Path) -> None:
    path.write_bytes(b"")


def fill(path: Path) -> None:
    path.write_bytes(b"x" * 10_000)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (remove, "removed"),
        (replace, "replaced"),
        (overwrite, "overwritten"),
        (truncate, "overwritten"),
        (fill, "overwritten"),
    ],
)
def test_nothing_more_is_stored_and_it_is_said(
    stores: Stores, path: Path, act: Callable[[Path], None], said: str
) -> None:
    add_job(stores.jobs, "before")
    act(path)

    with pytest.raises(StoreLost, match=f"{path} was {said}"):
        add_job(stores.jobs, "after")
    with pytest.raises(StoreLost, match=said):
        stores.ping()


def test_a_file_that_is_put_back_is_used_again(stores: Stores, path: Path) -> None:
    aside = path.with_name("aside.db")
    path.rename(aside)
    with pytest.raises(StoreLost):
        add_job(stores.jobs, "a")
    aside.rename(path)

    add_job(stores.jobs, "b")
    stores.ping()


def test_the_same_file_serves_start_after_start(path: Path) -> None:
    for name in ("a", "b", "c"):
        opened = open_store(path)
        add_job(opened.jobs, name)
        opened.ping()
        opened.close()


def test_a_copy_beside_it_and_much_writing_do_no_harm(stores: Stores, path: Path) -> None:
    for number in range(50):
        add_job(stores.jobs, f"job-{number}")
        if number == 25:
            shutil.copy(path, path.with_name("copy.db"))
    stores.ping()
