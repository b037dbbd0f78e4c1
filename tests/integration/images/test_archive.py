"""Images as a file, on a real engine, and what the commands for images say when something is wrong."""

import io
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import docker.errors
import pytest
from click.testing import CliRunner

from processing_emulator.cli.main import main
from processing_emulator.images.archive import ArchiveFailed, load, save

pytestmark = pytest.mark.docker


@pytest.fixture
def engine(docker_engine: None) -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=60)
    yield client
    client.close()


@pytest.fixture
def tag(engine: docker.DockerClient) -> Iterator[str]:
    """A tiny image that nobody else has."""
    name = f"pe-test-{uuid.uuid4().hex[:8]}"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 16
        tar.addfile(entry, io.BytesIO(uuid.uuid4().bytes))
    engine.api.import_image_from_data(archive.getvalue(), repository=name, tag="1")
    yield f"{name}:1"
    for image in engine.images.list(name):
        with suppress(docker.errors.ImageNotFound):
            engine.images.remove(str(image.id), force=True)
    assert engine.images.list(name) == []


def test_images_come_back_from_a_file_under_all_their_tags(
    engine: docker.DockerClient, tag: str, tmp_path: Path
) -> None:
    image = engine.images.get(tag)
    other = tag.replace(":1", ":2")
    image.tag(other)
    file = tmp_path / "images.tar"

    assert save(engine, [tag, other], file) == file.stat().st_size > 0
    engine.images.remove(str(image.id), force=True)
    assert sorted(load(engine, file)) == [f"Loaded image: {tag}", f"Loaded image: {other}"]

    assert engine.images.get(tag).id == engine.images.get(other).id == image.id
    assert [path.name for path in tmp_path.iterdir()] == ["images.tar"]


def test_a_file_that_could_not_be_written_whole_does_not_stay(
    engine: docker.DockerClient, tag: str, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveFailed, match="not on this machine: pe-test-missing:1"):
        save(engine, [tag, "pe-test-missing:1"], tmp_path / "images.tar")
    with pytest.raises(ArchiveFailed, match="cannot write /proc/nowhere"):
        save(engine, [tag], Path("/proc/nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_refused(engine: docker.DockerClient, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ArchiveFailed, match=r"notes\.txt is no file of images"):
        load(engine, tmp_path / "notes.txt")


def test_commands_say_what_is_wrong_in_a_sentence() -> None:
    def refusal(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["images", *arguments])
        assert done.exit_code in {1, 2}
        return done.stderr

    assert "No Docker engine answers at unix:///nowhere" in refusal("list", "--docker-host", "unix:///nowhere")
    assert "no image tensorflow: there are python-base, " in refusal("build", "tensorflow")
    assert "the nearest that exists is" in refusal("build", "scikit-learn:0.20.0")
    assert "(processing-emulator images build xgboost:1.7-1)" in refusal("build", "xgboost:1.5-1")
    assert "is never pulled from a registry" in refusal("pull", "processing-emulator/nothing:1")
