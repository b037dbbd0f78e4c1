"""Images for several platforms, in a real registry: which one is pulled, and what is said about the others."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import docker
import pytest

from processing_emulator.errors import ImageNotFound, RuntimeFailure
from processing_emulator.ports import ImageInfo, PullPolicy
from tests.fixtures_docker import TEST_IMAGE, Registry, RuntimeFactory, a_container
from tests.integration.docker.registry_images import RegistryImage, put_image, put_list


@dataclass(frozen=True)
class Offered:
    """A repository with images for two platforms: `both` has both, `arm` and `amd` one each."""

    name: str
    arm: RegistryImage
    amd: RegistryImage
    digest_of_both: str


@pytest.fixture
def offered(registry: Registry, api: docker.APIClient) -> Iterator[Offered]:
    path = f"team/{uuid.uuid4().hex[:8]}"
    arm = put_image(registry.host, path, "arm", "linux/arm64")
    amd = put_image(registry.host, path, "amd", "linux/amd64")
    yield Offered(registry.reference(path), arm, amd, put_list(registry.host, path, "both", arm, amd))
    for image in api.images(registry.reference(path)):
        api.remove_image(image["Id"], force=True)


@pytest.fixture
def ensure(make_runtime: RuntimeFactory) -> "Ensure":
    return Ensure(make_runtime)


class Ensure:
    """Asks for an image of a platform."""

    def __init__(self, make_runtime: RuntimeFactory) -> None:
        self._make = make_runtime

    def __call__(self, reference: str, platform: str | None, policy: PullPolicy = PullPolicy.MISSING) -> ImageInfo:
        runtime = self._make(platform=platform)
        return runtime.ensure_image(reference, policy, lambda _line: None, Event())

    def refusal(self, reference: str, platform: str | None, policy: PullPolicy = PullPolicy.MISSING) -> str:
        with pytest.raises(ImageNotFound) as raised:
            self(reference, platform, policy)
        return str(raised.value)


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/amd64"])
def test_the_platform_of_the_setting_is_pulled_and_told_with_the_digest(
    ensure: Ensure, offered: Offered, platform: str
) -> None:
    image = ensure(f"{offered.name}:both", platform)

    wanted = offered.arm if platform == "linux/arm64" else offered.amd
    assert image == ImageInfo(id=wanted.id, platform=platform, digests=(f"{offered.name}@{offered.digest_of_both}",))


def test_another_platform_than_the_one_here_is_pulled(ensure: Ensure, offered: Offered) -> None:
    assert ensure(f"{offered.name}:both", "linux/amd64").id == offered.amd.id
    assert ensure(f"{offered.name}:both", "linux/arm64").id == offered.arm.id
    assert ensure(f"{offered.name}:both", "linux/arm64", PullPolicy.NEVER).id == offered.arm.id
    assert "the image on this machine is for linux/arm64, and IMAGE_PLATFORM is linux/amd64" in ensure.refusal(
        f"{offered.name}:both", "linux/amd64", PullPolicy.NEVER
    )


def test_a_registry_without_the_platform_is_told_in_a_sentence(ensure: Ensure, offered: Offered) -> None:
    missing = ensure.refusal(f"{offered.name}:both", "linux/s390x")
    assert missing.startswith(f"API error (404): manifest for {offered.name}:both not found: manifest unknown: ")
    assert "IMAGE_PLATFORM" in missing

    only = ensure.refusal(f"{offered.name}:amd", "linux/arm64")
    assert "the image on this machine is for linux/amd64, and IMAGE_PLATFORM is linux/arm64" in only


def test_an_image_of_ours_runs_on_the_platform_it_was_built_for(ensure: Ensure) -> None:
    assert ensure(TEST_IMAGE, "linux/s390x") == ensure(TEST_IMAGE, None)


def test_a_container_is_created_for_its_platform_only(make_runtime: RuntimeFactory, ensure: Ensure) -> None:
    here = ensure(TEST_IMAGE, None)
    runtime = make_runtime()

    assert runtime.create(a_container("true", image=here.id, platform=here.platform))
    with pytest.raises(RuntimeFailure, match="does not match the specified platform"):
        runtime.create(a_container("true", image=here.id, platform="linux/s390x"))
