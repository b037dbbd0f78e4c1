"""Which key becomes which path (spec 3.1) and which file becomes which key (spec 4)."""

import pytest
from processing_emulator.domain.spec import S3Uri
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
def test_a_key_is_laid_out_by_the_rule_for_prefixes(prefix: str, key: str, path: str) -> None:
    assert relative_path(key, prefix) == path


def test_folder_markers_make_folders_and_no_files() -> None:
    plan = plan_download(_objects("in/", "in/empty/", "in/full/", "in/full/x"), "in/")
    assert [f.path for f in plan.files] == ["full/x"]
    assert plan.folders == ("empty", "full")


def test_folders_between_are_planned_once() -> None:
    plan = plan_download(_objects("a/b/c/1", "a/b/c/2", "a/b/3"), "a")
    assert plan.folders == ("b", "b/c")
    assert plan.size_bytes == 9


@pytest.mark.parametrize(
    "key",
    ["in/../x", "in/a/../../x", "in/./x", "in/a\0b", "in/..", "in/" + "n" * 256, "in/" + "/".join(["d" * 200] * 25)],
)
def test_a_key_that_cannot_be_a_path_in_the_folder_is_refused(key: str) -> None:
    with pytest.raises(UnsafePath):
        plan_download(_objects(key), "in/")


def test_an_absolute_looking_key_stays_in_the_folder() -> None:
    assert [f.path for f in plan_download(_objects("in//etc/passwd"), "in/").files] == ["etc/passwd"]


def test_a_key_that_is_also_a_folder_is_refused_by_name() -> None:
    with pytest.raises(UnsafePath, match="'in/a' is also the folder of other keys"):
        plan_download(_objects("in/a", "in/a/b"), "in/")


def test_two_keys_for_one_name_are_refused() -> None:
    with pytest.raises(UnsafePath, match="need the same file name"):
        plan_download(_objects("in/a/b", "in/a//b"), "in/")


@pytest.mark.parametrize(("target", "key"), [("out", "out/d/f"), ("out/", "out/d/f"), ("", "d/f"), ("a/b/", "a/b/d/f")])
def test_an_output_key_is_target_and_path_without_host(target: str, key: str) -> None:
    assert output_key(S3Uri("b", target), "d/f") == key


@pytest.mark.parametrize("path", ["\udcff", "k" * 1100])
def test_a_file_that_cannot_be_a_key_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        output_key(S3Uri("b", "out"), path)
