"""Maps the image URIs of AWS's framework images to local images."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

SPARK = "processing-emulator/spark:3.5"

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-scikit-learn:1.2-1-cpu-py3": (
            "processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"
        ),
        # Whatever the version: the tag is `3.5-cpu`, `3.5-cpu-py312-v1.2`, `latest` or absent.
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-spark-processing": SPARK,
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-spark-processing:*": SPARK,
        "*.dkr.ecr.*.amazonaws.com*/sagemaker-spark-processing@*": SPARK,
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
