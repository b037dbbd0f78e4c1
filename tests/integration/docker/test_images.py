"""Pulls from a real registry: by tag and digest, with and without a password, concurrent pulls."""

import base64
import io
import json
import tarfile
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors
import pytest
from click.testing import CliRunner

from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.cli.main import main
from processing_emulator.errors import Cancelled, ImageNotFound
from processing_emulator.ports import PullPolicy
from tests.fixtures_docker import PASSWORD, TEST_IMAGE, EngineProxy, Registry, RuntimeFactory
from tests.integration.docker.slow_registry import SlowRegistry

CANNOT_PULL = "Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
NEVER = threading.Event()


def quiet(_line: str) -> None:
    pass


@dataclass(frozen=True)
class Pushed:
    """An image in the registry that is not on this machine."""

    name: str
    tag: str
    digest: str
    image_id: str

    @property
    def reference(self) -> str:
        return f"{self.name}:{self.tag}"

    @property
    def path(self) -> str:
        """The name without the registry."""
        return self.name.partition("/")[2]


class Images:
    """Creates different images with one file each, and removes them afterwards under all names."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api
        self._made: list[str] = []

    def push(self, name: str, tag: str) -> tuple[str, str]:
        """Push a new image and remove it from this machine; returns its id and digest."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("file")
            entry.size = 16
            tar.addfile(entry, io.BytesIO(uuid.uuid4().bytes))
        self._api.import_image_from_data(archive.getvalue(), repository=name, tag=tag)
        image_id = str(self._api.inspect_image(f"{name}:{tag}")["Id"])  # type: ignore[no-untyped-call]
        self._made.append(image_id)
        answers = [json.loads(line) for line in self._api.push(name, tag=tag).splitlines()]
        self._api.remove_image(image_id, force=True)
        (digest,) = [answer["aux"]["Digest"] for answer in answers if "aux" in answer]
        return image_id, digest

    def forget(self) -> None:
        for image_id in self._made:
            with suppress(docker.errors.ImageNotFound):
                self._api.remove_image(image_id, force=True)


@pytest.fixture
def images(api: docker.APIClient) -> Iterator[Images]:
    made = Images(api)
    yield made
    made.forget()


@pytest.fixture
def pushed(images: Images, registry: Registry) -> Pushed:
    name = registry.reference(f"team/{uuid.uuid4().hex[:8]}")
    image_id, digest = images.push(name, "1")
    return Pushed(name, "1", digest, image_id)


def is_here(api: docker.APIClient, reference: str) -> bool:
    try:
        api.inspect_image(reference)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return False
    return True


def test_pulls_by_tag(docker_runtime: DockerRuntime, pushed: Pushed) -> None:
    lines: list[str] = []

    image = docker_runtime.ensure_image(pushed.reference, PullPolicy.MISSING, lines.append, NEVER)

    assert (image.id, image.digests) == (pushed.image_id, (f"{pushed.name}@{pushed.digest}",))
    assert docker_runtime.ensure_image(pushed.reference, PullPolicy.NEVER, quiet, NEVER) == image
    assert all(line.startswith("pulling ") or "layers" in line for line in lines)


@pytest.mark.parametrize("form", ["{name}@{digest}", "{name}:other@{digest}"])
def test_pulls_by_digest(docker_runtime: DockerRuntime, pushed: Pushed, form: str) -> None:
    reference = form.format(name=pushed.name, digest=pushed.digest)

    assert docker_runtime.ensure_image(reference, PullPolicy.MISSING, quiet, NEVER).id == pushed.image_id


def test_image_without_a_tag_is_latest(
    docker_runtime: DockerRuntime, api: docker.APIClient, images: Images, pushed: Pushed
) -> None:
    latest, _ = images.push(pushed.name, "latest")

    assert docker_runtime.ensure_image(pushed.name, PullPolicy.MISSING, quiet, NEVER).id == latest
    assert not is_here(api, pushed.reference), "one tag was asked for, not all"


def test_local_image_is_found_by_id_without_a_pull(docker_runtime: DockerRuntime) -> None:
    image_id = docker_runtime.ensure_image(TEST_IMAGE, PullPolicy.NEVER, quiet, NEVER).id

    assert docker_runtime.ensure_image(image_id, PullPolicy.MISSING, quiet, NEVER).id == image_id


def test_policy_always_pulls_the_current_image(
    docker_runtime: DockerRuntime, api: docker.APIClient, images: Images, pushed: Pushed
) -> None:
    newer, _ = images.push(pushed.name, pushed.tag)
    api.pull(f"{pushed.name}@{pushed.digest}")
    api.tag(pushed.image_id, pushed.name, pushed.tag)

    assert docker_runtime.ensure_image(pushed.reference, PullPolicy.MISSING, quiet, NEVER).id == pushed.image_id
    assert docker_runtime.ensure_image(pushed.reference, PullPolicy.ALWAYS, quiet, NEVER).id == newer


def test_policy_never_does_not_pull(docker_runtime: DockerRuntime, api: docker.APIClient, pushed: Pushed) -> None:
    with pytest.raises(ImageNotFound, match='the pull policy is "never"'):
        docker_runtime.ensure_image(pushed.reference, PullPolicy.NEVER, quiet, NEVER)

    assert not is_here(api, pushed.reference)


def failure(runtime: DockerRuntime, reference: str) -> str:
    with pytest.raises(ImageNotFound) as raised:
        runtime.ensure_image(reference, PullPolicy.MISSING, quiet, NEVER)
    return str(raised.value)


def test_missing_tag_has_the_service_s_message(docker_runtime: DockerRuntime, pushed: Pushed) -> None:
    assert failure(docker_runtime, f"{pushed.name}:nope") == (
        f"API error (404): manifest for {pushed.name}:nope not found: manifest unknown: Requested image not found"
    )


def test_missing_repository_has_the_service_s_message(docker_runtime: DockerRuntime, registry: Registry) -> None:
    reference = registry.reference("no/such:1")

    assert failure(docker_runtime, reference) == (
        f"API error (404): manifest for {reference} not found: manifest unknown: Requested image not found"
    )


def test_unreachable_registry_is_named(docker_runtime: DockerRuntime) -> None:
    said = failure(docker_runtime, "127.0.0.1:1/team/image:1")

    assert said.startswith(f"{CANNOT_PULL} (127.0.0.1:1 cannot be reached: ")
    assert "connection refused" in said


@pytest.mark.parametrize("reference", ["Not/An/Image", "../containers/json", "a b", "x?fromSrc=http://evil"])
def test_invalid_references_are_not_sent_to_the_engine(
    make_runtime: RuntimeFactory, engine_proxy: EngineProxy, reference: str
) -> None:
    runtime = make_runtime(engine_proxy.address)

    assert "does not name an image" in failure(runtime, reference)
    assert engine_proxy.open_connections() == 0


def test_the_pull_command_pulls_as_a_job_does(pushed: Pushed, registry: Registry) -> None:
    done = CliRunner().invoke(main, ["images", "pull", pushed.reference, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document.pop("platform").startswith("linux/")
    assert document == {
        "reference": pushed.reference,
        "id": pushed.image_id,
        "digests": [f"{pushed.name}@{pushed.digest}"],
    }

    missing = CliRunner().invoke(main, ["images", "pull", registry.reference("no/such:1")])
    assert missing.exit_code == 1
    assert "manifest unknown" in missing.stderr


# --- passwords ---


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Docker CLI's credentials file, empty."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    file = tmp_path / "config.json"
    file.write_text("{}")
    return file


def log_in(docker_config: Path, registry: Registry, password: str) -> None:
    """Write what `docker login` writes."""
    secret = base64.b64encode(f"user:{password}".encode()).decode()
    docker_config.write_text(json.dumps({"auths": {registry.host: {"auth": secret}}}))


def test_uses_docker_credentials_added_after_the_start(
    docker_runtime: DockerRuntime,
    pushed: Pushed,
    locked_registry: Registry,
    docker_config: Path,
) -> None:
    reference = locked_registry.reference(f"{pushed.path}:1")
    assert failure(docker_runtime, reference) == CANNOT_PULL
    log_in(docker_config, locked_registry, "wrong")
    assert failure(docker_runtime, reference) == CANNOT_PULL
    log_in(docker_config, locked_registry, PASSWORD)

    assert docker_runtime.ensure_image(reference, PullPolicy.MISSING, quiet, NEVER).id == pushed.image_id


# --- concurrent pulls ---


@pytest.fixture
def slow_registry(registry: Registry) -> Iterator[SlowRegistry]:
    with SlowRegistry(registry.host) as made:
        yield made


def slow_reference(pushed: Pushed, slow_registry: SlowRegistry) -> str:
    return f"{slow_registry.host}/{pushed.path}:1"


def test_eight_concurrent_callers_share_one_pull(
    docker_runtime: DockerRuntime, pushed: Pushed, slow_registry: SlowRegistry
) -> None:
    reference = slow_reference(pushed, slow_registry)
    with ThreadPoolExecutor(8) as pool:
        asking = [
            pool.submit(docker_runtime.ensure_image, reference, PullPolicy.MISSING, quiet, NEVER) for _ in range(8)
        ]
        slow_registry.await_request("/manifests/")
        slow_registry.release()

        assert {future.result(30).id for future in asking} == {pushed.image_id}

    assert slow_registry.count(f"HEAD /v2/{pushed.path}/manifests/1") == 1


def test_a_cancelled_caller_does_not_cancel_the_pull_of_the_others(
    docker_runtime: DockerRuntime, pushed: Pushed, slow_registry: SlowRegistry
) -> None:
    reference = slow_reference(pushed, slow_registry)
    give_up = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        patient = pool.submit(docker_runtime.ensure_image, reference, PullPolicy.MISSING, quiet, NEVER)
        impatient = pool.submit(docker_runtime.ensure_image, reference, PullPolicy.MISSING, quiet, give_up)
        slow_registry.await_request("/manifests/")
        give_up.set()
        with pytest.raises(Cancelled):
            impatient.result(10)
        slow_registry.release()

        assert patient.result(30).id == pushed.image_id


def test_a_cancelled_pull_is_not_joined_by_later_callers(
    docker_runtime: DockerRuntime, pushed: Pushed, slow_registry: SlowRegistry
) -> None:
    reference = slow_reference(pushed, slow_registry)
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(Cancelled):
        docker_runtime.ensure_image(reference, PullPolicy.MISSING, quiet, given_up)
    slow_registry.release()

    assert docker_runtime.ensure_image(reference, PullPolicy.MISSING, quiet, NEVER).id == pushed.image_id


# --- pulls that break off ---


def test_a_download_that_breaks_off_is_continued(
    docker_runtime: DockerRuntime, pushed: Pushed, slow_registry: SlowRegistry
) -> None:
    slow_registry.release()
    slow_registry.breaking.append("/blobs/sha256:")
    reference = slow_reference(pushed, slow_registry)

    assert docker_runtime.ensure_image(reference, PullPolicy.MISSING, quiet, NEVER).id == pushed.image_id
    assert slow_registry.breaking == []


def test_a_registry_that_breaks_off_for_good_is_named_and_leaves_no_image(
    docker_runtime: DockerRuntime, api: docker.APIClient, pushed: Pushed, slow_registry: SlowRegistry
) -> None:
    slow_registry.release()
    slow_registry.breaking += ["/manifests/"] * 9
    reference = slow_reference(pushed, slow_registry)

    said = failure(docker_runtime, reference)

    assert said.startswith(f"{CANNOT_PULL} ({slow_registry.host} cannot be reached: ")
    assert "EOF" in said
    assert not is_here(api, reference)
    slow_registry.breaking.clear()
    assert docker_runtime.ensure_image(reference, PullPolicy.MISSING, quiet, NEVER).id == pushed.image_id
