"""The builder on a real engine: images are tagged by content, built once, smoke-tested and replaced."""

import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from processing_emulator.images import base
from processing_emulator.images.builder import BuildFailed, SmokeFailed, build_recipe, find_image, smoke
from processing_emulator.images.context import list_files
from processing_emulator.images.recipes import Recipe

pytestmark = pytest.mark.docker


@pytest.fixture
def engine(docker_engine: None) -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=120)
    yield client
    client.close()


@pytest.fixture
def recipe(tmp_path: Path, engine: docker.DockerClient) -> Iterator[Recipe]:
    """A tiny image for one test; its tags are removed afterwards."""
    folder = tmp_path / "image"
    folder.mkdir()
    name = f"test-{uuid.uuid4().hex[:8]}"
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY name greeting /\n")
    (folder / "greeting").write_text("hello")
    (folder / "name").write_text(name)  # no two tests share an image
    (tmp_path / "smoke.py").write_text("assert open('/greeting').read() in ('hello', 'good day')\n")
    recipe = Recipe(
        name=name,
        stable_tags=(f"processing-emulator/{name}:stable",),
        files=lambda: list_files(folder),
        smoke=tmp_path / "smoke.py",
    )
    yield recipe
    for tag in tags_of(engine, recipe):
        engine.images.remove(tag)
    assert tags_of(engine, recipe) == set()


def tags_of(engine: docker.DockerClient, recipe: Recipe) -> set[str]:
    return {tag for image in engine.images.list(recipe.repository) for tag in image.tags}


def test_second_build_does_nothing(engine: docker.DockerClient, recipe: Recipe) -> None:
    first = build_recipe(engine, recipe)
    assert first.seconds is not None
    assert tags_of(engine, recipe) == {first.tag, *recipe.stable_tags}
    second = build_recipe(engine, recipe)
    assert (second.tag, second.image_id, second.seconds) == (first.tag, first.image_id, None)


def test_changed_file_replaces_the_image(engine: docker.DockerClient, recipe: Recipe, tmp_path: Path) -> None:
    old = build_recipe(engine, recipe)
    (tmp_path / "image" / "greeting").write_text("good day")
    new = build_recipe(engine, recipe)
    assert new.tag != old.tag
    assert tags_of(engine, recipe) == {new.tag, *recipe.stable_tags}
    assert find_image(engine, recipe.stable_tags[0]) == new.image_id
    assert find_image(engine, old.image_id) is None


def test_old_image_in_use_is_kept(engine: docker.DockerClient, recipe: Recipe, tmp_path: Path) -> None:
    old = build_recipe(engine, recipe)
    container = engine.containers.create(old.tag, ["true"])
    try:
        (tmp_path / "image" / "greeting").write_text("good day")
        new = build_recipe(engine, recipe)
        assert find_image(engine, recipe.stable_tags[0]) == new.image_id
        assert find_image(engine, old.image_id) == old.image_id
    finally:
        container.remove()
        engine.images.remove(old.image_id)


def test_image_that_fails_its_smoke_test_is_not_tagged(
    engine: docker.DockerClient, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "image" / "greeting").write_text("rubbish")
    with pytest.raises(SmokeFailed, match=r"(?s)smoke\.py fails in the new image.*AssertionError"):
        build_recipe(engine, recipe)
    assert tags_of(engine, recipe) == set()


def test_files_from_prepare_are_in_the_image_but_do_not_change_the_tag(
    engine: docker.DockerClient, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "image" / "greeting").unlink()
    asked: list[str] = []

    def prepare(scratch: Path, architecture: str) -> dict[str, Path]:
        asked.append(architecture)
        (scratch / "greeting").write_text("hello")
        return {"greeting": scratch / "greeting"}

    fetched = Recipe(
        name=recipe.name, stable_tags=recipe.stable_tags, files=recipe.files, smoke=recipe.smoke, prepare=prepare
    )
    build_recipe(engine, fetched)
    build_recipe(engine, fetched)
    assert asked == [engine.info()["Architecture"]]


def test_failed_build_leaves_no_tag_and_no_container(
    engine: docker.DockerClient, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "image" / "Dockerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\nLABEL test={recipe.name}\nRUN exit 3\n")
    with pytest.raises(BuildFailed, match=r"(?s)RUN exit 3.*returned a non-zero code: 3"):
        build_recipe(engine, recipe)
    assert tags_of(engine, recipe) == set()
    assert engine.containers.list(all=True, filters={"label": f"test={recipe.name}"}) == []
    for layer in engine.images.list(filters={"dangling": True, "label": f"test={recipe.name}"}):
        engine.images.remove(str(layer.id))  # the engine caches the finished layers


def test_pull_times_out_when_the_registry_does_not_answer(engine: docker.DockerClient) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        reference = f"127.0.0.1:{silent.getsockname()[1]}/python@sha256:{'0' * 64}"
        with pytest.raises(TimeoutError, match=r"no answer within 0\.5 s"):
            base.pull(engine, reference, silence_seconds=0.5)


def test_smoke_test_leaves_no_container_and_no_volume(
    engine: docker.DockerClient, recipe: Recipe, tmp_path: Path
) -> None:
    place = f"/{recipe.name}"
    (tmp_path / "image" / "Dockerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\nCOPY greeting /\nVOLUME {place}\n")
    began = int(time.time())
    built = build_recipe(engine, recipe)
    assert engine.containers.list(all=True, filters={"ancestor": built.image_id}) == []
    events = engine.events(since=began, until=int(time.time()) + 1, filters={"type": "volume"}, decode=True)
    used = {event["Actor"]["ID"] for event in events if event["Actor"]["Attributes"].get("destination") == place}
    assert len(used) == 1
    assert used.isdisjoint(str(volume.id) for volume in engine.volumes.list())


def test_smoke_test_has_no_network(engine: docker.DockerClient, tmp_path: Path) -> None:
    script = tmp_path / "smoke.py"
    script.write_text("import socket\nassert [name for _, name in socket.if_nameindex()] == ['lo']\n")
    smoke(engine, "processing-emulator/python:test", script)
