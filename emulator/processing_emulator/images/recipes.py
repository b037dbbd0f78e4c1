"""The images that jobs run in: their files, and what is downloaded for them on the host."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import processing_emulator.domain
from processing_emulator.domain.stand_ins import SCIKIT_LEARN, SPARK, StandIn
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
    """

    name: str
    stable_tags: tuple[str, ...]
    files: Callable[[], dict[str, Path]]
    smoke: Path
    prepare: Callable[[Path, str], dict[str, Path]] = _nothing

    @property
    def repository(self) -> str:
        """The repository of its content tags."""
        return f"processing-emulator/{self.name.replace(':', '-')}"


def _scikit_learn(image: StandIn) -> Recipe:
    here = HERE / "scikit-learn"
    version = here / image.name.partition(":")[2]

    def files() -> dict[str, Path]:
        return {"Dockerfile": here / "Dockerfile", "smoke.py": here / "smoke.py", **list_files(version)}

    def prepare(scratch: Path, architecture: str) -> dict[str, Path]:
        folder = scratch / "packages"
        packages.install_packages(version / "requirements.txt", folder, architecture)
        return {"packages": folder}

    return Recipe(name=image.name, stable_tags=image.tags, files=files, smoke=here / "smoke.py", prepare=prepare)


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
    SPARK.name: Recipe(
        name=SPARK.name,
        stable_tags=SPARK.tags,
        files=_spark_files,
        smoke=HERE / "spark" / "smoke.py",
        prepare=_spark_packages,
    ),
}
"""By the name of the stand-in; the base has none, see `images.base`."""
