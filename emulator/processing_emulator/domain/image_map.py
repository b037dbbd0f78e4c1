"""Maps the image URIs of AWS's framework images to local images."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-scikit-learn:1.2-1-cpu-py3": (
            "processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"
        ),
    }
)
"""Shell-style patterns of ImageUri, and the local image that replaces each."""


def substitute_for(image_uri: str, user_map: Mapping[str, str]) -> str | None:
    """The image that replaces a URI, by the user's table first; None if none does."""
    for table in (user_map, BUILT_IN):
        for pattern, image in table.items():
            if fnmatchcase(image_uri, pattern):
                return image
    return None
