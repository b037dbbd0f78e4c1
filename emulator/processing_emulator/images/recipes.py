"""The images that jobs run in: their files, and what is downloaded for them on the host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import processing_emulator.domain
from processing_emulator.domain.stand_ins import PYTHON, PYTHON_39, PYTORCH, SCIKIT_LEARN, SPARK, XGBOOST, StandIn
from processing_emulator.images import jars, packages
from processing_emulator.images.context import list_files
from processing_emulator.images.folder import recipes_folder

HERE = recipes_folder()

INSTANCE_TYPES = Path(processing_emulator.domain.__path__[0]) / "instance_types.csv"


def _nothing(_scratch: Path, _architecture: str) -> dict[str, Path]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One image. `files` is hashed into its tag; `prepare` adds files that follow from those and are slow to get.

    `prepare(folder, architecture)` is called only before a build, with an empty folder and the engine's architecture.
    `below`: the image that it is built on, by the name of its stand-in. `arguments`: of the Dockerfile, besides BASE.
    """

    name: str
    stable_tags: tuple[str, ...]
    files: Callable[[], dict[str, Path]]
    smoke: Path
    prepare: Callable[[Path, str], dict[str, Path]] = _nothing
    below: str = PYTHON.name
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        """The repository of its content tags."""
        return f"processing-emulator/{self.name.replace(':', '-')}"


def _versioned(
    image: StandIn,
    below: str,
    target: packages.Target = packages.PYTHON_311,
    more: Callable[[Path, Path, str], None] | None = None,
) -> Recipe:
    """An image whose folder has a Dockerfile for all versions, and a folder of requirements for each.

    `more(requirements' folder, packages, architecture)` adds packages that are not locked.
    """
    name, _, version = image.name.partition(":")
    here = HERE / name

    def files() -> dict[str, Path]:
        return {"Dockerfile": here / "Dockerfile", "smoke.py": here / "smoke.py", **list_files(here / version)}

    def prepare(scratch: Path, architecture: str) -> dict[str, Path]:
        folder = scratch / "packages"
        packages.install_packages(here / version / "requirements.txt", folder, architecture, target=target)
        if more is not None:
            more(here / version, folder, architecture)
        return {"packages": folder}

    return Recipe(
        name=image.name,
        stable_tags=image.tags,
        files=files,
        smoke=here / "smoke.py",
        prepare=prepare,
        below=below,
        arguments={"PYTHON": target.python},
    )


def _scikit_learn(image: StandIn) -> Recipe:
    if image.name == "scikit-learn:1.0-1":
        return _versioned(image, PYTHON_39.name, packages.PYTHON_39)
    return _versioned(image, PYTHON.name)


def _xgboost(image: StandIn) -> Recipe:
    """On the scikit-learn that is as old as it, so that both share their layers."""
    return _versioned(image, "scikit-learn:1.2-1" if image.name == "xgboost:1.7-1" else "scikit-learn:1.4-2")


def _torch(requirements: Path, folder: Path, architecture: str) -> None:
    packages.install_torch(requirements / "torch.txt", folder, architecture)


def _spark_files() -> dict[str, Path]:
    return {**list_files(HERE / "spark"), "instance_types.csv": INSTANCE_TYPES}


def _spark_packages(scratch: Path, architecture: str) -> dict[str, Path]:
    here, folder, archives = HERE / "spark", scratch / "packages", scratch / "jars"
    build_with = here / "build-constraints.txt"
    packages.install_packages(here / "requirements.txt", folder, architecture, built="pyspark", build_with=build_with)
    jars.download(here / "ivy.xml", here / "jars.sha256", archives, packages=folder)
    return {"packages": folder, "jars": archives}


RECIPES = {
    **{image.name: _scikit_learn(image) for image in SCIKIT_LEARN},
    **{image.name: _xgboost(image) for image in XGBOOST},
    PYTORCH.name: _versioned(PYTORCH, "scikit-learn:1.4-2", more=_torch),
    SPARK.name: Recipe(
        name=SPARK.name,
        stable_tags=SPARK.tags,
        files=_spark_files,
        smoke=HERE / "spark" / "smoke.py",
        prepare=_spark_packages,
    ),
}
"""By the name of the stand-in; the bases have none, see `images.base`."""
