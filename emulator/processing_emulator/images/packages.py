"""Python packages, downloaded on the host with uv, so that image builds need no network."""

import os
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import uv

from processing_emulator.images.failure import CannotBuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The Python that packages are for, and the glibc of the oldest image that has it."""

    python: str
    glibc: str


PYTHON_311 = Target(python="3.11", glibc="manylinux_2_36")
"""On Debian 12, pulled or bootstrapped."""

PYTHON_39 = Target(python="3.9", glibc="manylinux_2_31")
"""On Debian 12 where it is pulled, on Debian 11 where it is bootstrapped."""


class PackagesUnavailable(CannotBuild):
    """The packages of an image cannot be had; the text is for the user."""


def install_packages(
    requirements: Path,
    folder: Path,
    architecture: str,
    *,
    target: Target = PYTHON_311,
    built: str | None = None,
    build_with: Path | None = None,
) -> None:
    """Install locked requirements, checking their hashes, into `folder` for the image's Python, not the host's.

    All are wheels, except a pure Python package `built` from its source with the locked tools of `build_with`.
    Raises PackagesUnavailable.
    """
    source = ["--no-binary", built, "--build-constraints", str(build_with)] if built and build_with else []
    options = [*_wheels_for(target, architecture), "--require-hashes", *source]
    run_uv("pip", "install", "--target", str(folder), *options, "--requirements", str(requirements))


def install_torch(requirements: Path, folder: Path, architecture: str) -> None:
    """Install wheels of PyTorch without GPU code. Raises PackagesUnavailable.

    They come from PyTorch's own index, or from one with the same files that is named in TORCH_INDEX. Their hashes are
    not checked: another index may have built them itself.
    """
    own = os.environ.get("TORCH_INDEX")
    index = ["--index", own] if own else ["--torch-backend", "cpu"]
    options = [*_wheels_for(PYTHON_311, architecture), *index]
    install = ["pip", "install", "--target", str(folder), *options, "--requirements", str(requirements)]
    run_uv(*install, own_index="TORCH_INDEX")


def _wheels_for(target: Target, architecture: str) -> list[str]:
    platform = ["--python-version", target.python, "--python-platform", f"{architecture}-{target.glibc}"]
    return [*platform, "--no-deps", "--only-binary", ":all:"]


def run_uv(*arguments: str, folder: Path | None = None, own_index: str = "UV_DEFAULT_INDEX") -> None:
    """Run uv in a folder. `own_index`: the variable that names another index. Raises PackagesUnavailable."""
    command = [uv.find_uv_bin(), *arguments, "--quiet"]
    done = subprocess.run(
        command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise PackagesUnavailable(
            f"uv cannot get the packages; an index of your own is named by {own_index}, and a machine without a "
            f"network loads images instead (processing-emulator images load FILE):\n{done.stdout[-2000:]}"
        )


def _environment() -> dict[str, str]:
    """The system's list of certificates may have a company's; uv has its own list."""
    bundle = ssl.get_default_verify_paths().cafile
    system = {"SSL_CERT_FILE": bundle} if bundle and not os.environ.get("SSL_CERT_FILE") else {}
    return {**os.environ, **system}
