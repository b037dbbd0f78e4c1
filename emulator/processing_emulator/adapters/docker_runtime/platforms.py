"""The platforms of images as Docker writes them: `linux/amd64`, `linux/arm64/v8`."""

from collections.abc import Mapping
from typing import Any


def platform_of(document: Mapping[str, Any]) -> str:
    """The platform in the engine's document of an image; empty where the image does not say."""
    parts = [document.get("Os"), document.get("Architecture"), document.get("Variant")]
    return "/".join(part for part in parts if part) if parts[0] and parts[1] else ""


def is_for(platform: str, wanted: str | None) -> bool:
    """Whether an image of this platform will do. A variant counts only where both have one."""
    if wanted is None or not platform:
        return True
    return all(a == b for a, b in zip(platform.split("/"), wanted.split("/"), strict=False))
