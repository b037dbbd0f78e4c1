"""Image references: parsed, checked, and split into the parts that the engine's pull call takes."""

import re
from dataclasses import dataclass

from processing_emulator.domain.stand_ins import OUR_PREFIX
from processing_emulator.errors import NotAnImageName

HUB = "docker.io"

_HUB_SPELLINGS = ("docker.io/", "index.docker.io/")
"""Docker reads these as the default registry and drops them."""

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::\d+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """A name with its registry, and a tag or a digest. A digest wins over a tag, as in the docker command."""

    name: str
    version: str

    @property
    def registry(self) -> str:
        """The host the image is pulled from."""
        first, slash, _ = self.name.partition("/")
        is_host = bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())
        return first if is_host else HUB

    @property
    def is_ours(self) -> bool:
        """Whether this project builds the image: one of our names, in no registry or in the public one."""
        host = self.registry.lower().partition(":")[0]
        is_public = host == HUB or host.endswith(f".{HUB}")
        return is_public and self.name.removeprefix(f"{self.registry}/").startswith(OUR_PREFIX)

    def __str__(self) -> str:
        return f"{self.name}{'@' if ':' in self.version else ':'}{self.version}"


def parse_reference(text: str) -> ImageReference:
    """Parse a reference; one without tag and digest means `latest`. Raises NotAnImageName."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise NotAnImageName(f"{text[:255]!r} does not name an image: [registry/]name[:tag][@digest], in lower case")
    name = match["name"]
    for spelling in _HUB_SPELLINGS:
        name = name.removeprefix(spelling)
    return ImageReference(name=name, version=match["digest"] or match["tag"] or "latest")
