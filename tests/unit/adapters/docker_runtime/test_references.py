"""Image references are read as the docker command reads them; what is none never reaches the engine."""

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
    ],
)
def test_reference_has_a_registry_and_a_version(text: str, registry: str, full: str) -> None:
    reference = parse_reference(text)

    assert (reference.registry, str(reference)) == (registry, full)


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
def test_what_does_not_name_an_image_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ImageNotFound, match="does not name an image"):
        parse_reference(text)
