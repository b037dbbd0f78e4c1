"""From the image URIs of AWS's framework images to images that can be had offline."""

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
"""Shell-style patterns of ImageUri and the local image that stands for them."""


def substitute_for(image_uri: str, user_map: Mapping[str, str]) -> str | None:
    """The image that stands for a URI; the user's table is asked first. None: take the URI as it is."""
    for table in (user_map, BUILT_IN):
        for pattern, image in table.items():
            if fnmatchcase(image_uri, pattern):
                return image
    return None
