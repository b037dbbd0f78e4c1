"""The images of ours that jobs run in: what each is called, what builds it, and what it stands in for."""

from dataclasses import dataclass

OUR_PREFIX = "processing-emulator/"
"""Names of the images this project builds. The name may belong to a stranger in a public registry."""

BUILD_COMMAND = "processing-emulator images build"
"""Builds an image of ours, given its name."""

LIST_COMMAND = "processing-emulator images list"

PULL_COMMAND = "processing-emulator images pull"
"""Pulls an image as a job does, given its name."""

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


def _scikit_learn(version: str, *, on_demand: bool = True) -> StandIn:
    tag = f"{version}-cpu-py3"
    return StandIn(
        name=f"scikit-learn:{version}",
        tags=(f"processing-emulator/sagemaker-scikit-learn:{tag}",),
        replaces=f"AWS's sagemaker-scikit-learn:{tag}",
        on_demand=on_demand,
    )


def _xgboost(version: str) -> StandIn:
    return StandIn(
        name=f"xgboost:{version}",
        tags=(f"processing-emulator/sagemaker-xgboost:{version}",),
        replaces=f"AWS's sagemaker-xgboost:{version}",
        on_demand=True,
    )


PYTHON = StandIn(
    name="python-base",
    tags=("processing-emulator/python:3.11", "processing-emulator/python:test"),
    replaces="nothing: Python 3.11, for scripts that need no packages",
)
PYTHON_39 = StandIn(
    name="python-base:3.9",
    tags=("processing-emulator/python:3.9",),
    replaces="nothing: Python 3.9, below scikit-learn:1.0-1",
    on_demand=True,
)
SPARK = StandIn(
    name="spark",
    tags=("processing-emulator/spark:3.5",),
    replaces="AWS's sagemaker-spark-processing, every version",
)
SCIKIT_LEARN = (_scikit_learn("1.4-2"), _scikit_learn("1.2-1", on_demand=False), _scikit_learn("1.0-1"))
"""Newest first."""

XGBOOST = (_xgboost("3.2-0"), _xgboost("3.0-5"), _xgboost("1.7-1"))
"""Newest first."""

PYTORCH = StandIn(
    name="pytorch",
    tags=("processing-emulator/pytorch:2.6-cpu",),
    replaces="nothing by itself; by the image map AWS's pytorch-training and pytorch-inference, without GPUs",
    on_demand=True,
)

STAND_INS = (PYTHON, PYTHON_39, *SCIKIT_LEARN, *XGBOOST, PYTORCH, SPARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverBuilt:
    """Versions of AWS's image of a framework that have no stand-in, and why; `nearest` is the one closest to them."""

    versions: tuple[str, ...]
    why: str
    nearest: StandIn


NEVER_BUILT = {
    "scikit-learn": NeverBuilt(
        versions=("0.23-1", "0.20.0"),
        why="has no wheel for Python 3.9 or later, the Pythons of our images",
        nearest=SCIKIT_LEARN[-1],
    ),
    "xgboost": NeverBuilt(
        versions=("1.5-1", "1.3-1", "1.2-2", "1.2-1", "1.0-1", "0.90-2", "0.90-1"),
        why="has no recipe, because its XGBoost is older than the packages below it",
        nearest=XGBOOST[-1],
    ),
}
"""By the name of the framework."""


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
    never = NEVER_BUILT.get(framework)
    if never is None or version not in never.versions:
        return None
    return f"{framework} {version} {never.why}; {nearest(never.nearest)}"


def nearest(image: StandIn) -> str:
    """Names the closest image that can be built, and its command."""
    return f"the nearest that exists is {image.tag} ({image.build_command})"
