"""The images built here: their files, what is downloaded for them on the host, and their stable tags."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from containers import jars, packages
from containers.context import list_files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


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
        return f"processing-emulator/{self.name}"


def _scikit_learn_files() -> dict[str, Path]:
    return list_files(HERE / "scikit-learn")


def _scikit_learn_packages(scratch: Path, architecture: str) -> dict[str, Path]:
    folder = scratch / "packages"
    packages.install_packages(HERE / "scikit-learn" / "requirements.txt", folder, architecture)
    return {"packages": folder}


def _spark_files() -> dict[str, Path]:
    types = ROOT / "emulator" / "processing_emulator" / "domain" / "instance_types.csv"
    return {**list_files(HERE / "spark"), "instance_types.csv": types}


def _spark_packages(scratch: Path, architecture: str) -> dict[str, Path]:
    here, folder, archives = HERE / "spark", scratch / "packages", scratch / "jars"
    build_with = here / "build-constraints.txt"
    packages.install_packages(here / "requirements.txt", folder, architecture, built="pyspark", build_with=build_with)
    jars.download(here / "ivy.xml", here / "jars.sha256", archives, packages=folder)
    return {"packages": folder, "jars": archives}


def _minio_files() -> dict[str, Path]:
    script = subprocess.run([str(ROOT / "scripts" / "minio.sh")], check=True, stdout=subprocess.PIPE, text=True)
    return {**list_files(HERE / "minio"), "minio": Path(script.stdout.strip())}


def _server_files() -> dict[str, Path]:
    names = ("Dockerfile", "pyproject.toml", "uv.lock", "README.md", "LICENSE", "scripts/uv-requirements.txt")
    return {**{name: ROOT / name for name in names}, **list_files(ROOT / "emulator", below="emulator/")}


def _server_packages(scratch: Path, architecture: str) -> dict[str, Path]:
    requirements, offline = scratch / "requirements.txt", scratch / "offline"
    packages.export_requirements(requirements)
    packages.install_packages(requirements, offline / "packages", architecture)
    packages.build_wheel(offline / "wheel")
    return {"offline": offline}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="scikit-learn",
            stable_tags=("processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3",),
            files=_scikit_learn_files,
            smoke=HERE / "scikit-learn" / "smoke.py",
            prepare=_scikit_learn_packages,
        ),
        Recipe(
            name="spark",
            stable_tags=("processing-emulator/spark:3.5",),
            files=_spark_files,
            smoke=HERE / "spark" / "smoke.py",
            prepare=_spark_packages,
        ),
        Recipe(
            name="minio",
            stable_tags=("processing-emulator/minio:local",),
            files=_minio_files,
            smoke=HERE / "minio" / "smoke.py",
        ),
        Recipe(
            name="emulator",
            stable_tags=("processing-emulator/emulator:local",),
            files=_server_files,
            smoke=HERE / "emulator" / "smoke.py",
            prepare=_server_packages,
        ),
    )
}
