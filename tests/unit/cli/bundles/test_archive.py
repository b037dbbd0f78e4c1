"""The file format of bundles, and files that only look like one."""

import errno
import json
import stat
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.cli.bundles.archive import (
    DOCUMENT_LIMITS,
    FORMAT,
    BundleFault,
    BundleWriter,
    distinct_objects,
    listing_documents,
    open_bundle,
)
from processing_emulator.cli.bundles.listings import Listing
from processing_emulator.domain.staging import StoredObject

ONE = StoredObject(bucket="bkt", key="in/\u00e9", size_bytes=3, etag="a" * 32)
TWO = StoredObject(bucket="bkt", key="in/b", size_bytes=200_000)
INPUTS = [Listing(what="input in", objects=[ONE, TWO]), Listing(what="input again", objects=[ONE], note="a note")]
MANIFEST = {"format": FORMAT, "version": 1, "job": "job", "hasData": True}


def written(path: Path) -> Path:
    """A whole bundle."""
    with BundleWriter(path) as writer:
        writer.document("manifest", MANIFEST)
        writer.document("inputs", listing_documents(INPUTS))
        writer.stream("data/0", [b"ab", b"c"])
        writer.stream("data/1", [b"x" * 100_000] * 2)
    return path


def zipped(path: Path, members: dict[str, Any]) -> Path:
    """A zip with these members, and the manifest unless it is among them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in {"manifest.json": MANIFEST, **members}.items():
            made.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def fault_of(path: Path, document: str = "inputs") -> str:
    with pytest.raises(BundleFault) as fault, open_bundle(path) as bundle:
        bundle.listings(document)
    return fault.value.message


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with open_bundle(written(tmp_path / "b.zip")) as bundle:
        assert (bundle.manifest.job, bundle.manifest.has_data) == ("job", True)
        assert bundle.listings("inputs") == INPUTS
        objects = distinct_objects(INPUTS)
        assert objects == [ONE, TWO]
        bundle.check_data(objects, 200_003)
        for number, content in enumerate((b"abc", b"x" * 200_000)):
            with bundle.data(number) as stream:
                assert not stream.seekable()
                assert stream.read() == content
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()] == [("b.zip", 0o600)]


def test_a_bundle_that_cannot_be_finished_leaves_no_file_and_spares_the_old_one(tmp_path: Path) -> None:
    path = written(tmp_path / "b.zip")
    before = path.read_bytes()

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionError

    with pytest.raises(ConnectionError), BundleWriter(path, overwrite=True) as writer:
        writer.stream("data/0", broken())

    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("b.zip", before)]


def test_a_file_that_is_there_stays_and_no_link_is_followed(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "b.zip"
    other.write_text("mine")
    path.symlink_to(other)

    with pytest.raises(BundleFault, match=r"b\.zip is there already; --overwrite replaces it"):
        BundleWriter(path)
    with BundleWriter(path, overwrite=True) as writer:
        writer.document("manifest", MANIFEST)

    assert (path.is_symlink(), other.read_text()) == (False, "mine")
    with pytest.raises(BundleFault, match="appeared"), BundleWriter(tmp_path / "appeared"):
        (tmp_path / "appeared").touch()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["appeared", "b.zip", "other"]


def test_what_fails_while_data_is_read_is_not_blamed_on_the_bundle(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        open_bundle(written(tmp_path / "b.zip")) as bundle,
        bundle.data(0),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_data_is_bounded_and_has_the_sizes_of_the_list(tmp_path: Path) -> None:
    with open_bundle(written(tmp_path / "b.zip")) as bundle:
        with pytest.raises(BundleFault, match="unpacks to 200003 bytes of data, more than 200002; --max-data-gib"):
            bundle.check_data([ONE, TWO], 200_002)
        with pytest.raises(BundleFault, match="data/0 has 3 bytes, in/b 200000"):
            bundle.check_data([TWO], 1_000_000)
        with pytest.raises(BundleFault, match=r"has no data/2"):
            bundle.check_data([ONE, TWO, ONE], 1_000_000)


@pytest.mark.parametrize(
    "name", ["../manifest.json", "/etc/passwd", "data/../../x", "data/01", "logs/algo-0.ndjson", "x", "data/0\n"]
)
def test_members_that_no_bundle_has_are_refused(tmp_path: Path, name: str) -> None:
    assert fault_of(zipped(tmp_path / "b.zip", {name: b""})).endswith(f"is not a bundle: it has a member {name!r}")


def test_links_and_repeated_members_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("data/0")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as made:
        made.writestr("manifest.json", json.dumps(MANIFEST))
        made.writestr(link, "/etc/passwd")
    assert "it has a member 'data/0'" in fault_of(tmp_path / "link.zip")

    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as made:
        made.writestr("manifest.json", json.dumps(MANIFEST))
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("manifest.json", json.dumps(MANIFEST))
    assert "it has manifest.json twice" in fault_of(tmp_path / "twice.zip")


def test_members_that_only_other_zips_compress_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as made:
        made.writestr("inputs.json", "[]")

    assert fault_of(path).endswith("is not a bundle: inputs.json is neither stored nor deflated")


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({**MANIFEST, "version": 7}, "is a bundle of version 7; this processing-emulator reads version 1"),
        ({**MANIFEST, "format": "other"}, "its manifest names another format"),
        ({**MANIFEST, "region": "a b"}, "manifest.json: region: "),
        ({**MANIFEST, "version": "1"}, "manifest.json: version: "),
        ([], "is not a bundle: manifest.json: "),
        (b"{", "manifest.json is not JSON: "),
        (b"[" * 60_000, "manifest.json is not JSON: "),
    ],
)
def test_other_manifests_are_refused(tmp_path: Path, manifest: Any, words: str) -> None:
    assert words in fault_of(zipped(tmp_path / "b.zip", {"manifest.json": manifest}))


@pytest.mark.parametrize(
    "objects",
    [
        [{"bucket": "b", "key": "k", "size": -1}],
        [{"bucket": "b", "key": "", "size": 1}],
        [{"bucket": "b", "key": "k" * 1025, "size": 1}],
        [{"bucket": "b", "key": "k", "size": "1"}],
        "none",
    ],
)
def test_lists_of_other_forms_are_refused(tmp_path: Path, objects: Any) -> None:
    path = zipped(tmp_path / "b.zip", {"inputs.json": [{"what": "input in", "objects": objects}]})
    assert ": inputs.json: 0.objects" in fault_of(path)


@pytest.mark.parametrize(("name", "limit"), DOCUMENT_LIMITS.items())
def test_a_document_that_is_too_long_is_neither_read_nor_written(tmp_path: Path, name: str, limit: int) -> None:
    path = zipped(tmp_path / "b.zip", {f"{name}.json": b" " * (limit + 1)})

    with pytest.raises(BundleFault) as fault, open_bundle(path) as bundle:
        bundle.document(name)
    assert f"{name}.json has {limit + 1} bytes, over {limit}" in fault.value.message
    with pytest.raises(BundleFault, match=rf"too large for a bundle: {name}\.json"), BundleWriter(tmp_path / "w") as w:
        w.document(name, "x" * limit)
    assert not (tmp_path / "w").exists()


def test_files_that_are_no_zip_or_damaged_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    assert "text is not a bundle: " in fault_of(tmp_path / "text")
    whole = written(tmp_path / "b.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-40])
    assert "cut.zip is not a bundle: " in fault_of(tmp_path / "cut.zip")
    assert "has no outputs.json" in fault_of(tmp_path / "b.zip", "outputs")

    at = whole.index(b"data/1") + 60
    (tmp_path / "bad.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    with (
        pytest.raises(BundleFault, match="data/1 cannot be read: "),
        open_bundle(tmp_path / "bad.zip") as bundle,
        bundle.data(1) as stream,
    ):
        stream.read()


@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4), end=st.booleans())
def test_a_bundle_with_other_bytes_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], end: bool
) -> None:
    """Half of the changes are in the directory at the end, which says where everything is."""
    path = written(tmp_path_factory.mktemp("changed") / "b.zip")
    content = bytearray(path.read_bytes())
    for at, byte in changes:
        content[-1 - at % 600 if end else at % len(content)] = byte
    path.write_bytes(content)

    with suppress(BundleFault), open_bundle(path) as bundle:
        bundle.check_data(distinct_objects(bundle.listings("inputs")), 1_000_000)
        for number in (0, 1):
            with bundle.data(number) as stream:
                assert stream.read() in (b"abc", b"x" * 200_000)
