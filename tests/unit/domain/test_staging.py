"""Which key becomes which path (spec 3.1) and which file becomes which key (spec 4)."""

import pytest

from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.staging import StoredObject, output_key, plan_download, relative_path
from processing_emulator.errors import UnsafePath


def _objects(*keys: str) -> list[StoredObject]:
    return [StoredObject(bucket="b", key=key, size_bytes=3) for key in keys]


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("data/", "data/a/x.csv", "a/x.csv"),
        ("data", "data/a/x.csv", "a/x.csv"),
        ("data/train", "data/train-1.csv", "train-1.csv"),
        ("data/train", "data/train/x.csv", "x.csv"),
        ("data/x.csv", "data/x.csv", "x.csv"),
        ("pre", "pre.csv", "pre.csv"),
        ("pre", "prefix.csv", "prefix.csv"),
        ("pre", "pre-other/x", "pre-other/x"),
        ("", "a/b", "a/b"),
        ("x.csv", "x.csv", "x.csv"),
    ],
)
def test_key_to_local_path(prefix: str, key: str, path: str) -> None:
    assert relative_path(key, prefix) == path


def test_folder_markers_become_folders() -> None:
    plan = plan_download(_objects("in/", "in/empty/", "in/full/", "in/full/x"), "in/")
    assert [f.path for f in plan.files] == ["full/x"]
    assert plan.folders == ("empty", "full")


def test_intermediate_folders_are_planned_once() -> None:
    plan = plan_download(_objects("a/b/c/1", "a/b/c/2", "a/b/3"), "a")
    assert plan.folders == ("b", "b/c")
    assert plan.size_bytes == 9


@pytest.mark.parametrize(
    "key",
    ["in/../x", "in/a/../../x", "in/./x", "in/a\0b", "in/..", "in/" + "n" * 256, "in/" + "/".join(["d" * 200] * 25)],
)
def test_refuses_keys_that_are_no_valid_path(key: str) -> None:
    with pytest.raises(UnsafePath):
        plan_download(_objects(key), "in/")


def test_key_with_a_leading_slash_stays_in_the_folder() -> None:
    assert [f.path for f in plan_download(_objects("in//etc/passwd"), "in/").files] == ["etc/passwd"]


def test_refuses_a_key_that_is_also_a_folder() -> None:
    with pytest.raises(UnsafePath, match="'in/a' is also the folder of other keys"):
        plan_download(_objects("in/a", "in/a/b"), "in/")


def test_refuses_two_keys_with_the_same_path() -> None:
    with pytest.raises(UnsafePath, match="need the same file name"):
        plan_download(_objects("in/a/b", "in/a//b"), "in/")


@pytest.mark.parametrize(("target", "key"), [("out", "out/d/f"), ("out/", "out/d/f"), ("", "d/f"), ("a/b/", "a/b/d/f")])
def test_output_key_is_the_target_prefix_and_the_relative_path(target: str, key: str) -> None:
    assert output_key(S3Uri("b", target), "d/f") == key


@pytest.mark.parametrize("path", ["\udcff", "k" * 1100])
def test_refuses_files_that_are_no_valid_key(path: str) -> None:
    with pytest.raises(UnsafePath):
        output_key(S3Uri("b", "out"), path)
