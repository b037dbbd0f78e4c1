"""Which image URIs are AWS's own framework images, from the package's table of AWS's registries."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_URI = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?P<digest>@.+)?"
)
"""A private registry in any region and partition; the same account has a registry in one region only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkImage:
    """One of AWS's images. `tag` is empty if the URI has none, or has a digest."""

    repository: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRegistry:
    """Whose registry of ECR, and where."""

    account: str
    region: str


def framework_image(uri: str) -> FrameworkImage | None:
    """The framework image of AWS that a URI names; None for every other, one in a user's own registry among them."""
    match = _URI.fullmatch(uri)
    if match is None or (match["repository"], match["account"]) not in _registries():
        return None
    return FrameworkImage(repository=match["repository"], tag="" if match["digest"] else match["tag"] or "")


def is_private_registry(uri: str) -> bool:
    """Whether a URI names an image in a private registry of ECR, AWS's own or a user's."""
    return _URI.fullmatch(uri) is not None


def private_registry(uri: str) -> PrivateRegistry | None:
    """The private registry of ECR that a URI names; None for every other image."""
    match = _URI.fullmatch(uri)
    return None if match is None else PrivateRegistry(account=match["account"], region=match["region"])


@cache
def _registries() -> frozenset[tuple[str, str]]:
    text = resources.files("processing_emulator.domain").joinpath("aws_registries.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset((row["repository"], row["account"]) for row in csv.DictReader(lines))
