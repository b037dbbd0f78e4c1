"""Image references are parsed as the Docker CLI parses them."""

import pytest

from processing_emulator.adapters.docker_runtime.references import parse_reference
from processing_emulator.errors import ImageNotFound

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "full"),
    [
        ("python", "docker.io", "python:latest"),
        ("python:3.11-slim", "docker.io", "python:3.11-slim"),
        ("library/python", "docker.io", "library/python:latest"),
        ("localhost/x", "localhost", "localhost/x:latest"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000", "127.0.0.1:5000/a/b:1"),
        ("[::1]:5000/a", "[::1]:5000", "[::1]:5000/a:latest"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/my_image:v1.2",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/my_image:v1.2",
        ),
        (f"a/b@{DIGEST}", "docker.io", f"a/b@{DIGEST}"),
        (f"a/b:tag@{DIGEST}", "docker.io", f"a/b@{DIGEST}"),
        ("processing-emulator/python:test", "docker.io", "processing-emulator/python:test"),
        ("docker.io/library/python", "docker.io", "library/python:latest"),
        ("index.docker.io/a/b:1", "docker.io", "a/b:1"),
    ],
)
def test_reference_has_a_registry_and_a_tag_or_digest(text: str, registry: str, full: str) -> None:
    reference = parse_reference(text)

    assert (reference.registry, str(reference)) == (registry, full)


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ("processing-emulator/python", True),
        ("docker.io/processing-emulator/python:3.11", True),
        ("index.docker.io/processing-emulator/python", True),
        ("registry-1.docker.io/processing-emulator/python", True),
        ("Docker.IO:443/processing-emulator/python", True),
        (f"processing-emulator/python:3.11@{DIGEST}", True),
        ("processing-emulators/python", False),
        ("team/processing-emulator/python", False),
        ("localhost:5000/processing-emulator/python", False),
        ("docker.io.example.com/processing-emulator/python", False),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/processing-emulator/python", False),
    ],
)
def test_an_image_is_ours_by_its_name_without_a_registry_or_in_the_public_one(text: str, is_ours: bool) -> None:
    assert parse_reference(text).is_ours is is_ours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Upper/Case",
        "a//b",
        "../containers/x",
        "a:b:c",
        "a b",
        "a;rm -rf",
        "x?force=1",
        "x\n",
        "-x",
        "x:",
        "x@sha256:short",
        "a" * 10 + ":" + "t" * 129,
        "ünï",
    ],
)
def test_refuses_invalid_references(text: str) -> None:
    with pytest.raises(ImageNotFound, match="does not name an image"):
        parse_reference(text)
