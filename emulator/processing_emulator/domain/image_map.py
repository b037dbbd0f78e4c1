"""Which image runs in place of another: by the user's map, or a stand-in of ours for an image of AWS."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from processing_emulator.domain.aws_registries import FrameworkImage, framework_image, is_private_registry
from processing_emulator.domain.stand_ins import (
    MAP_VARIABLE,
    NEVER_BUILT,
    OUR_PREFIX,
    PULL_COMMAND,
    PYTORCH,
    SCIKIT_LEARN,
    SPARK,
    XGBOOST,
    StandIn,
    nearest,
    why_never_built,
)

GALLERY = "public.ecr.aws/deep-learning-containers"
"""Where AWS publishes deep learning containers for everybody, under the same names and tags; old ones are not there."""

IN_GALLERY = frozenset({"pytorch-training", "pytorch-inference", "tensorflow-training", "tensorflow-inference"})
"""Hugging Face, scikit-learn, XGBoost and Spark are in AWS's private registries only."""

_VERSIONED = {
    "sagemaker-scikit-learn": {image.name.partition(":")[2]: image for image in SCIKIT_LEARN},
    "sagemaker-xgboost": {image.name.partition(":")[2]: image for image in XGBOOST},
}
"""Repositories of AWS of whose images there is a stand-in for some versions."""

_MAP_IT = f"name an image to run instead in {MAP_VARIABLE}"


def substitute_for(image_uri: str, user_map: Mapping[str, str]) -> str | None:
    """The local image that replaces a URI, by the user's shell-style patterns first; None if none does."""
    for pattern, image in user_map.items():
        if fnmatchcase(image_uri, pattern):
            return image
    framework = framework_image(image_uri)
    stand_in = None if framework is None else _stand_in(framework)
    return None if stand_in is None else stand_in.tag


def mirror_of(image_uri: str) -> str | None:
    """The same image in AWS's public gallery, for those without an account; None if it is not published there."""
    framework = framework_image(image_uri)
    if framework is None or framework.repository not in IN_GALLERY or not framework.tag:
        return None
    return f"{GALLERY}/{framework.repository}:{framework.tag}"


def advice_for(image_uri: str) -> str | None:
    """What to do if an image cannot be had; None for images of ours, of which the runtime says it."""
    if image_uri.startswith(OUR_PREFIX):
        return None
    if not is_private_registry(image_uri):
        return f"to see why: {PULL_COMMAND} {image_uri}; log in to its registry (docker login), or {_MAP_IT}"
    framework = framework_image(image_uri)
    if framework is None:
        return f"log in to its registry (docker login), or {_MAP_IT}"
    return f"{_nearest_to(framework)}; log in to its registry with an AWS account (docker login), or {_MAP_IT}"


def _nearest_to(image: FrameworkImage) -> str:
    """Names the stand-in that is closest to an image that has none."""
    framework = image.repository.removeprefix("sagemaker-")
    never = NEVER_BUILT.get(framework)
    version = _version_in(image.tag, never.versions) if never else None
    if reason := why_never_built(f"{framework}:{version}"):
        return reason
    by_version = _VERSIONED.get(image.repository)
    closest = next(iter(by_version.values())) if by_version else SCIKIT_LEARN[0]
    return f"there is no stand-in for it; {nearest(PYTORCH if 'pytorch' in image.repository else closest)}"


def _stand_in(image: FrameworkImage) -> StandIn | None:
    """Spark's replaces every version; scikit-learn's and XGBoost's the version in the tag."""
    if image.repository == "sagemaker-spark-processing":
        return SPARK
    by_version = _VERSIONED.get(image.repository, {})
    return by_version.get(_version_in(image.tag, tuple(by_version)) or "")


def _version_in(tag: str, versions: tuple[str, ...]) -> str | None:
    """The version that a tag such as `1.2-1-cpu-py3` begins with."""
    return next((version for version in versions if tag == version or tag.startswith(f"{version}-cpu")), None)
