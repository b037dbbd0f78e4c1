"""Python packages, downloaded on the host with uv, so that image builds need no network."""

import os
import ssl
import subprocess
from pathlib import Path

import uv

from processing_emulator.images.failure import CannotBuild

PYTHON = "3.11"
GLIBC = "manylinux_2_36"
"""The glibc of Debian 12, on which both possible base images are built."""


class PackagesUnavailable(CannotBuild):
    """The packages of an image cannot be had; the text is for the user."""


def install_packages(
    requirements: Path, folder: Path, architecture: str, *, built: str | None = None, build_with: Path | None = None
) -> None:
    """Install locked requirements, checking their hashes, into `folder` for the image's Python, not the host's.

    All are wheels, except a pure Python package `built` from its source with the locked tools of `build_with`.
    Raises PackagesUnavailable.
    """
    platform = ["--python-version", PYTHON, "--python-platform", f"{architecture}-{GLIBC}"]
    checked = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    source = ["--no-binary", built, "--build-constraints", str(build_with)] if built and build_with else []
    run_uv("pip", "install", "--target", str(folder), *platform, *checked, *source, "--requirements", str(requirements))


def run_uv(*arguments: str, folder: Path | None = None) -> None:
    """Run uv in a folder. Raises PackagesUnavailable with what it said."""
    command = [uv.find_uv_bin(), *arguments, "--quiet"]
    done = subprocess.run(
        command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise PackagesUnavailable(
            "uv cannot get the packages; an index of your own is named by UV_DEFAULT_INDEX, and a machine without a "
            f"network loads images instead (processing-emulator images load FILE):\n{done.stdout[-2000:]}"
        )


def _environment() -> dict[str, str]:
    """The system's list of certificates may have a company's; uv has its own list."""
    bundle = ssl.get_default_verify_paths().cafile
    system = {"SSL_CERT_FILE": bundle} if bundle and not os.environ.get("SSL_CERT_FILE") else {}
    return {**os.environ, **system}
