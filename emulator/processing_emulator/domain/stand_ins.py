"""The images of ours that jobs run in: what each is called, what builds it, and what it stands in for."""

from dataclasses import dataclass

BUILD_COMMAND = "processing-emulator images build"
"""Builds an image of ours, given its name."""

LIST_COMMAND = "processing-emulator images list"

MAP_VARIABLE = "PROCESSING_EMULATOR_IMAGE_MAP"
"""The setting that replaces images by others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """`name` is what `images build` calls it; `tags` are its stable tags, the first for jobs."""

    name: str
    tags: tuple[str, ...]
    replaces: str
    on_demand: bool = False

    @property
    def tag(self) -> str:
        """The tag that jobs use."""
        return self.tags[0]

    @property
    def build_command(self) -> str:
        """The command that builds it."""
        return f"{BUILD_COMMAND} {self.name}"


def _scikit_learn(version: str, *, on_demand: bool) -> StandIn:
    tag = f"{version}-cpu-py3"
    return StandIn(
        name=f"scikit-learn:{version}",
        tags=(f"processing-emulator/sagemaker-scikit-learn:{tag}",),
        replaces=f"AWS's sagemaker-scikit-learn:{tag}",
        on_demand=on_demand,
    )


PYTHON = StandIn(
    name="python-base",
    tags=("processing-emulator/python:3.11", "processing-emulator/python:test"),
    replaces="nothing: Python 3.11, for scripts that need no packages",
)
SPARK = StandIn(
    name="spark",
    tags=("processing-emulator/spark:3.5",),
    replaces="AWS's sagemaker-spark-processing, every version",
)
SCIKIT_LEARN = (_scikit_learn("1.4-2", on_demand=True), _scikit_learn("1.2-1", on_demand=False))
"""Newest first."""

STAND_INS = (PYTHON, *SCIKIT_LEARN, SPARK)

SCIKIT_LEARN_WITHOUT_WHEELS = ("1.0-1", "0.23-1", "0.20.0")
"""Versions of AWS's image whose scikit-learn has no wheel for Python 3.11, the Python of our images."""


def stand_in_named(name: str) -> StandIn | None:
    """The stand-in that `images build` calls so; a name without version means the one that is built by default."""
    candidates = [image for image in STAND_INS if name in (image.name, image.name.partition(":")[0])]
    return min(candidates, key=lambda image: image.on_demand, default=None)


def stand_in_tagged(tag: str) -> StandIn | None:
    """The stand-in with this stable tag."""
    return next((image for image in STAND_INS if tag in image.tags), None)


def why_never_built(name: str) -> str | None:
    """Why an image cannot exist, and the nearest that does; None if the name is not one of those."""
    framework, _, version = name.partition(":")
    if framework != "scikit-learn" or version not in SCIKIT_LEARN_WITHOUT_WHEELS:
        return None
    nearest = SCIKIT_LEARN[-1]
    return (
        f"scikit-learn {version} has no wheel for Python 3.11, the Python of our images; "
        f"the nearest that exists is {nearest.tag} ({nearest.build_command})"
    )
