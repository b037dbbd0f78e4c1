"""The cache of inputs: what it keeps, what it gives, what it evicts, and what it survives."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from processing_emulator.domain.staging import PlannedFile
from processing_emulator.engine import object_cache
from processing_emulator.errors import Cancelled, ObjectStoreRefused
from processing_emulator.ports import CancelToken, TransferMeter
from tests.unit.engine.cache_rig import KIB, CacheRig
from tests.waiting import wait_for

BODY = b"content of an object"


@pytest.fixture
def rig(tmp_path: Path) -> CacheRig:
    return CacheRig(tmp_path)


@pytest.mark.parametrize("linked", [True, False])
def test_second_job_gets_the_same_file_without_a_download(rig: CacheRig, linked: bool) -> None:
    rig.put({"a": BODY, "empty": b""})

    cold = rig.job("cold", ["a", "empty"], linked=linked)
    warm = rig.job("warm", ["a", "empty"], linked=linked)

    assert rig.objects.downloaded == ["a", "empty"]
    assert (cold.cached_objects, cold.cached_bytes) == (0, 0)
    assert (warm.cached_objects, warm.cached_bytes) == (2, len(BODY))
    assert warm.transfer.size_bytes == cold.transfer.size_bytes == len(BODY)
    assert (rig.meter.objects, rig.meter.size_bytes) == (4, 2 * len(BODY))
    assert rig.contents("warm") == rig.contents("cold") == {"a": BODY, "empty": b""}
    first, second = ((rig.base / name / "a").stat() for name in ("cold", "warm"))
    assert (first.st_mode, first.st_mtime_ns) == (second.st_mode, second.st_mtime_ns)


def test_copies_are_files_of_their_own(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    for name in ("one", "two"):
        rig.job(name, ["a"], linked=False)
        with (rig.base / name / "a").open("r+b") as file:
            file.write(b"changed")

    rig.job("three", ["a"], linked=False)

    assert rig.contents("three") == {"a": BODY}
    assert rig.objects.downloaded == ["a"]


def test_new_version_of_an_object_is_downloaded(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    rig.job("old", ["a"])
    rig.put({"a": BODY[::-1]})

    rig.job("new", ["a"])

    assert rig.contents("old") == {"a": BODY}
    assert rig.contents("new") == {"a": BODY[::-1]}


def test_job_that_does_not_want_the_cache_neither_fills_nor_uses_it(rig: CacheRig) -> None:
    rig.put({"a": BODY})

    rig.job("first", ["a"], is_wanted=False)
    rig.job("second", ["a"])
    third = rig.job("third", ["a"], is_wanted=False)

    assert rig.objects.downloaded == ["a"] * 3
    assert third.cached_objects == 0


def test_limit_of_zero_keeps_nothing_and_empties_what_was_kept(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    rig.job("kept", ["a"])
    rig.end("kept")
    rig.restart(limit_bytes=0)

    rig.job("off", ["a"])

    assert rig.cache.state().entries == 0
    assert rig.files() == []
    assert rig.objects.downloaded == ["a", "a"]


# --- damage ---


def damage_content(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def damage_size(path: Path) -> None:
    before = path.stat().st_mtime_ns
    path.write_bytes(b"x")
    os.utime(path, ns=(before, before))


def replace_file(path: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copy2(path, copy)
    copy.replace(path)


def become_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("damage", [damage_content, damage_size, replace_file, become_a_link, become_a_pipe])
@pytest.mark.parametrize("restarted", [True, False])
def test_changed_file_is_noticed_and_replaced(
    rig: CacheRig, damage: Callable[[Path], None], linked: bool, restarted: bool
) -> None:
    rig.put({"a": BODY})
    rig.job("first", ["a"], linked=False)
    damage(rig.files()[0])
    if restarted:
        rig.restart()

    second = rig.job("second", ["a"], linked=linked)
    third = rig.job("third", ["a"], linked=linked)

    assert rig.contents("second") == rig.contents("third") == {"a": BODY}
    assert (second.cached_objects, third.cached_objects) == (0, 1)


def test_file_that_is_not_what_the_etag_says_is_not_kept(rig: CacheRig) -> None:
    class Corrupting(type(rig.objects)):  # type: ignore[misc]
        def download(
            self, files: list[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter | None = None
        ) -> object:
            done = super().download(files, folder, cancel, meter)
            for file in files:
                (folder / file.path).write_bytes(b"x" * file.source.size_bytes)
            return done

    rig.objects = Corrupting("bkt")
    rig.put({"a": BODY})

    rig.job("job", ["a"])

    assert rig.cache.state().entries == 0


def test_files_that_are_none_of_the_cache_are_removed_at_the_start(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    rig.job("job", ["a"])
    (kept,) = rig.files()
    (kept.parent / "strange").write_text("x")
    (kept.parents[2] / "incoming" / "half").write_text("x")
    rig.restart()

    assert rig.cache.state().entries == 1
    assert rig.files() == [kept]


def test_maintenance_flushes_what_is_new(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    rig.job("job", ["a"])
    before = (rig.base / "cache" / "flushed").read_text()

    rig.cache.maintain()

    wait_for("the flush", lambda: (rig.base / "cache" / "flushed").read_text() != before or None, 60)


@pytest.mark.parametrize(("flushed", "kept"), [(True, 1), (False, 0)])
def test_what_was_not_flushed_before_the_machine_restarted_is_dropped(rig: CacheRig, flushed: bool, kept: int) -> None:
    rig.put({"a": BODY, "b": BODY})
    rig.job("job", ["a"])
    if flushed:
        rig.cache.flush()
    rig.job("late", ["b"])
    rig.restart()
    assert rig.cache.state().entries == 2

    rig.restart("boot-2")

    assert rig.cache.state().entries == kept
    rig.restart("boot-2")
    assert rig.cache.state().entries == kept


def test_folder_that_cannot_be_used_fails_no_job(rig: CacheRig) -> None:
    (rig.base / "cache").write_text("no folder")
    rig.put({"a": BODY})

    for name in ("one", "two"):
        for linked in (True, False):
            rig.job(f"{name}-{linked}", ["a"], linked=linked)

    rig.cache.maintain()
    rig.cache.clear()
    assert rig.objects.downloaded == ["a"] * 4
    assert rig.cache.state().entries == 0


# --- the limit ---


def test_what_was_used_longest_ago_is_evicted_first(tmp_path: Path) -> None:
    rig = CacheRig(tmp_path, limit_bytes=12 * KIB)
    for key in "abcd":
        rig.put({key: key.encode() * 4 * KIB})
    for number, key in enumerate("abcab"):
        rig.job(str(number), [key])
        rig.end(str(number))

    rig.job("last", ["d"])
    rig.end("last")
    rig.restart()  # the order survives
    again = rig.job("again", ["a", "b", "d"])

    assert again.cached_objects == 3
    assert rig.objects.downloaded == ["a", "b", "c", "d"]


def test_input_larger_than_the_cache_is_staged_and_kept_in_part(tmp_path: Path) -> None:
    rig = CacheRig(tmp_path, limit_bytes=8 * KIB)
    rig.put({key: key.encode() * 4 * KIB for key in "abcd"})

    rig.job("big", list("abcd"))

    assert rig.contents("big") == {key: key.encode() * 4 * KIB for key in "abcd"}
    assert rig.cache.state().size_bytes == 8 * KIB


def test_cache_gives_way_when_the_disk_is_nearly_full(rig: CacheRig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.put({key: key.encode() * 4 * KIB for key in "abc"})
    for key in "ab":
        rig.job(key, [key])
    rig.end("a")
    free = rig.folder.free_bytes()
    monkeypatch.setattr(object_cache, "FREE_BYTES", free + 4 * KIB)

    rig.job("c", ["c"])

    assert rig.cache.state().entries == 2  # b is in use, c has just come
    assert rig.job("again", ["a"]).cached_objects == 0


def test_objects_without_size_are_bounded_too(tmp_path: Path) -> None:
    rig = CacheRig(tmp_path, limit_bytes=16 * KIB)
    rig.put({str(number): b"" for number in range(20)})

    rig.job("job", [str(number) for number in range(20)])

    assert rig.cache.state().entries == 4


def test_clearing_leaves_jobs_their_files(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    rig.job("job", ["a"])

    rig.cache.clear()

    assert rig.contents("job") == {"a": BODY}
    assert rig.files() == []
    assert rig.cache.state().entries == 0


def test_folder_that_links_cannot_reach_gets_copies(rig: CacheRig) -> None:
    """As with more links to one file than the file system takes."""
    rig.put({"a": BODY})
    memory = Path("/dev/shm")  # on Linux, another file system
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as elsewhere:
        for name in ("first", "second"):
            (rig.base / name).symlink_to(elsewhere)
            staged = rig.job(name, ["a"])
            assert rig.contents(name) == {"a": BODY}

    assert staged.cached_objects == 1


# --- several jobs at once ---


def test_object_that_two_jobs_want_is_downloaded_once(rig: CacheRig) -> None:
    rig.put({"a": BODY, "b": BODY})
    entered, may_go = threading.Event(), threading.Event()
    download = rig.objects.download

    def slow(*arguments: object) -> object:
        entered.set()
        assert may_go.wait(10)
        return download(*arguments)  # type: ignore[arg-type]

    rig.objects.download = slow  # type: ignore[assignment,method-assign]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(rig.job, "first", ["a"])
        assert entered.wait(10)
        second = pool.submit(rig.job, "second", ["a", "b"])
        may_go.set()

        assert first.result(10).cached_objects == 0
        assert second.result(10).cached_objects == 1

    assert sorted(rig.objects.downloaded) == ["a", "b"]
    assert rig.contents("second") == {"a": BODY, "b": BODY}


def test_job_whose_peer_fails_downloads_itself(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    entered, may_go = threading.Event(), threading.Event()
    download = rig.objects.download
    refusals = [ObjectStoreRefused("no", code="AccessDenied", status=403)]

    def failing_once(files: list[PlannedFile], *arguments: object) -> object:
        if files and refusals:
            entered.set()
            assert may_go.wait(10)
            raise refusals.pop()
        return download(files, *arguments)  # type: ignore[arg-type]

    rig.objects.download = failing_once  # type: ignore[assignment,method-assign]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(rig.job, "first", ["a"])
        assert entered.wait(10)
        second = pool.submit(rig.job, "second", ["a"])
        may_go.set()

        with pytest.raises(ObjectStoreRefused):
            first.result(10)
        assert second.result(10).cached_objects == 0

    assert rig.contents("second") == {"a": BODY}


def test_wait_for_another_job_can_be_cancelled(rig: CacheRig) -> None:
    rig.put({"a": BODY})
    cancel = threading.Event()
    cancel.set()
    (found,) = rig.objects.head_all("bkt", ["a"], threading.Event())
    file = PlannedFile(source=found, path="a")

    with rig.cache.claim([file]), pytest.raises(Cancelled):
        rig.cache.await_coming(file, cancel)
