"""The platforms of images, as the engine and the user write them."""

import pytest

from processing_emulator.adapters.docker_runtime.platforms import is_for, platform_of


@pytest.mark.parametrize(
    ("document", "platform"),
    [
        ({"Os": "linux", "Architecture": "amd64"}, "linux/amd64"),
        ({"Os": "linux", "Architecture": "arm64", "Variant": "v8"}, "linux/arm64/v8"),
        ({"Os": "linux", "Architecture": ""}, ""),
        ({}, ""),
    ],
)
def test_platform_of_an_image(document: dict[str, str], platform: str) -> None:
    assert platform_of(document) == platform


@pytest.mark.parametrize(
    ("platform", "wanted", "will_do"),
    [
        ("linux/amd64", None, True),
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/arm64", False),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("", "linux/amd64", True),
    ],
)
def test_a_variant_counts_only_where_both_have_one(platform: str, wanted: str | None, will_do: bool) -> None:
    assert is_for(platform, wanted) is will_do
