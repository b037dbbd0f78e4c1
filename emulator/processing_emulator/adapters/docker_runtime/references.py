"""Image references: read, checked, and split as the engine's pull call wants them."""

import re
from dataclasses import dataclass

from processing_emulator.errors import ImageNotFound

HUB = "docker.io"

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
    """A name with its registry, and a tag or a digest; a digest wins over a tag, as with the docker command."""

    name: str
    version: str

    @property
    def registry(self) -> str:
        """The host the image is pulled from."""
        first, slash, _ = self.name.partition("/")
        is_host = bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())
        return first if is_host else HUB

    def __str__(self) -> str:
        return f"{self.name}{'@' if ':' in self.version else ':'}{self.version}"


def parse_reference(text: str) -> ImageReference:
    """Read a reference; without tag and digest it means `latest`. Raises ImageNotFound."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ImageNotFound(f"{text[:255]!r} does not name an image: [registry/]name[:tag][@digest], in lower case")
    return ImageReference(name=match["name"], version=match["digest"] or match["tag"] or "latest")
