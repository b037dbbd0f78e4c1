"""Reading seeds from folders and files, and the message for each kind of invalid seed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.seed.plan import SeedObject, SeedPlan
from processing_emulator.adapters.seed.read import read_seed
from processing_emulator.errors import StartFailure


def _write(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def _seed_file(folder: Path, *objects: dict[str, Any], **bucket: Any) -> Path:
    document = {"buckets": [{"name": "bucket", "objects": list(objects), **bucket}]}
    return _write(folder / "seed.json", json.dumps(document))


def test_each_sub_folder_is_a_bucket_and_each_file_an_object(tmp_path: Path) -> None:
    one = _write(tmp_path / "raw-data" / "2024" / "ünï cödé.csv")
    two = _write(tmp_path / "raw-data" / ".hidden")
    (tmp_path / "empty-bucket").mkdir()
    assert read_seed(tmp_path) == SeedPlan(
        buckets=("empty-bucket", "raw-data"),
        objects=(
            SeedObject(bucket="raw-data", key=".hidden", source=two),
            SeedObject(bucket="raw-data", key="2024/ünï cödé.csv", source=one),
        ),
    )


def test_file_outside_bucket_folders_is_ignored_with_a_note(tmp_path: Path) -> None:
    _write(tmp_path / "README.md")
    assert read_seed(tmp_path).notes == (
        f"seed {tmp_path}: README.md is ignored, because it lies in no bucket's folder",
    )


@pytest.mark.parametrize(
    "name", ["Upper", "ab", "a" * 64, "under_score", "-hyphen", "dot.", "two..dots", "192.168.0.1"]
)
def test_folder_with_an_invalid_bucket_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(StartFailure, match=rf"'{name}' cannot be the name of a bucket: .*; rename the folder"):
        read_seed(tmp_path)


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c", "1.2.3"])
def test_valid_bucket_names_at_the_limits(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert read_seed(tmp_path).buckets == (name,)


def test_seed_that_is_a_pipe_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "seed.json")
    with pytest.raises(StartFailure, match=r"seed\.json is neither a folder nor a regular file"):
        read_seed(tmp_path / "seed.json")


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    _write(tmp_path / "bucket" / "real" / "file")
    (tmp_path / "bucket" / "again").symlink_to("real")
    assert [item.key for item in read_seed(tmp_path).objects] == ["again/file", "real/file"]


@pytest.mark.parametrize("is_folder", [True, False])
def test_links_out_of_the_folder_are_refused(tmp_path: Path, is_folder: bool) -> None:
    secret = _write(tmp_path / "outside" / "secret")
    seed = tmp_path / "seed"
    (seed / "bucket").mkdir(parents=True)
    (seed / "bucket" / "link").symlink_to(secret.parent if is_folder else secret)
    with pytest.raises(StartFailure, match="leads out of it"):
        read_seed(seed)


def test_bucket_folder_that_links_outside_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "outside" / "secret")
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "bucket").symlink_to(tmp_path / "outside")
    with pytest.raises(StartFailure, match="leads out of it"):
        read_seed(seed)


def test_circular_and_dangling_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    link = tmp_path / "bucket" / "link"
    link.symlink_to(".")
    with pytest.raises(StartFailure, match="leads back to"):
        read_seed(tmp_path)
    link.unlink()
    link.symlink_to("missing")
    with pytest.raises(StartFailure, match="is not a readable file"):
        read_seed(tmp_path)


def test_a_file_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    Path(f"{tmp_path}/bucket/\udcff").write_text("x")
    with pytest.raises(StartFailure, match="it is not UTF-8; rename the file"):
        read_seed(tmp_path)


YAML = """
buckets:
  - name: raw-data
    objects:
      - {key: a.csv, text: "a,b\\n", content_type: text/csv, metadata: {origin: seed}}
      - {key: logo, base64: "AAEC\\n/w=="}
      - {key: big, file: data/big, overwrite: true}
    folders:
      - {path: data, prefix: in/}
  - name: results
"""

TOML = """
[[buckets]]
name = "raw-data"
objects = [
    {key = "a.csv", text = "a,b\\n", content_type = "text/csv", metadata = {origin = "seed"}},
    {key = "logo", base64 = "AAEC/w=="},
    {key = "big", file = "data/big", overwrite = true},
]
folders = [{path = "data", prefix = "in/"}]
[[buckets]]
name = "results"
"""


@pytest.mark.parametrize(("name", "content"), [("s.yaml", YAML), ("s.yml", YAML), ("s.toml", TOML)])
def test_a_seed_file_declares_buckets_objects_and_folders(tmp_path: Path, name: str, content: str) -> None:
    big = _write(tmp_path / "data" / "big")
    plan = read_seed(_write(tmp_path / name, content))
    assert plan.buckets == ("raw-data", "results")
    assert plan.objects == (
        SeedObject(
            bucket="raw-data", key="a.csv", source=b"a,b\n", content_type="text/csv", metadata={"origin": "seed"}
        ),
        SeedObject(bucket="raw-data", key="logo", source=b"\x00\x01\x02\xff"),
        SeedObject(bucket="raw-data", key="big", source=big, overwrite=True),
        SeedObject(bucket="raw-data", key="in/big", source=big),
    )


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"key": "k", "txt": "x"}, r"buckets\.0\.objects\.0\.txt: Extra inputs are not permitted"),
        ({"key": "k"}, r"buckets\.0\.objects\.0: exactly one of text, base64 and file is needed"),
        ({"key": "k", "text": "x", "file": "y"}, "exactly one of text, base64 and file is needed"),
        ({"key": "", "text": "x"}, r"buckets\.0\.objects\.0\.key: '' cannot be a key: it has 0 bytes"),
        ({"key": "ü" * 513, "text": "x"}, "it has 1026 bytes, and 1 to 1024 are possible"),
        ({"key": "k", "base64": "!"}, r"bucket bucket, objects\.0: base64 cannot be decoded"),
        ({"key": "k", "file": "none"}, r"bucket bucket, objects\.0: .*/none is no file"),
        ({"key": "k", "text": 1}, r"objects\.0\.text: Input should be a valid string"),
        ({"key": "k", "text": "x", "metadata": {"a b": "c"}}, r"metadata\.a b\.\[key\]: String should match pattern"),
        ({"key": "k", "text": "x", "content_type": "a\nb"}, r"content_type: String should match pattern"),
    ],
)
def test_invalid_entry_is_reported_with_its_path(tmp_path: Path, entry: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StartFailure, match=sentence):
        read_seed(_seed_file(tmp_path, entry))


def test_longest_allowed_key(tmp_path: Path) -> None:
    assert len(read_seed(_seed_file(tmp_path, {"key": "ü" * 512, "text": ""})).objects) == 1


def test_duplicate_keys_are_refused(tmp_path: Path) -> None:
    seed = _seed_file(tmp_path, {"key": "k", "text": "x"}, {"key": "k", "text": "y"})
    with pytest.raises(StartFailure, match="s3://bucket/k is there twice; leave one out"):
        read_seed(seed)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartFailure, match=r"bucket bucket: .*/none is no folder"):
        read_seed(_seed_file(tmp_path, folders=[{"path": "none"}]))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("seed.json", "{", "is not JSON: "),
        ("seed.yaml", "a: [", "is not YAML: "),
        ("seed.yaml", "!!python/object/apply:os.getcwd []", "is not YAML: "),
        ("seed.toml", "=", "is not TOML: "),
        ("seed.json", "[" * 100_000, "is not JSON: "),
        ("seed.yaml", "", "the file: Input should be a valid dictionary"),
        ("seed.yaml", "{}", "buckets: Field required"),
        ("seed.yaml", "buckets: [{name: UP}]", r"buckets\.0\.name: 'UP' cannot be the name of a bucket"),
        ("seed.txt", "x", "is neither a folder nor a file that ends with .json, .toml, .yaml or .yml"),
    ],
)
def test_invalid_seed_files_are_refused(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    with pytest.raises(StartFailure, match=sentence):
        read_seed(_write(tmp_path / name, content))


def test_missing_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartFailure, match=r"seed .*/none is not there"):
        read_seed(tmp_path / "none")


def test_a_seed_file_declares_the_tables_of_queries(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    table = "{database: shop, table: T, location: s3://bkt/t/, format: csv, delimiter: '|', header: false}"
    seed.write_text(f"buckets: []\ncatalogue: [{table}]")
    (found,) = read_seed(seed).tables
    assert (found.database, found.name, str(found.uri)) == ("shop", "T", "s3://bkt/t/")
    assert (found.format, found.delimiter, found.header) == ("csv", "|", False)
    for content, sentence in [
        (f"catalogue: [{table}, {table.replace('T', 't')}]", r"table shop\.T is there twice"),
        (f"catalogue: [{table.replace('csv', 'orc')}]", r"catalogue\.0\.format"),
        (f"catalogue: [{table.replace('s3:', 'file:')}]", r"catalogue\.0\.location"),
    ]:
        seed.write_text(f"buckets: []\n{content}")
        with pytest.raises(StartFailure, match=sentence):
            read_seed(seed)
