"""Writes Spark's and Hadoop's configuration files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfFolders:
    """Where Spark and Hadoop look for their configuration."""

    spark: Path
    hadoop: Path


def conf_folders() -> ConfFolders:
    """The folders of this image."""
    return ConfFolders(spark=Path(os.environ["SPARK_HOME"]) / "conf", hadoop=Path(os.environ["HADOOP_CONF_DIR"]))


def write_spark_defaults(folders: ConfFolders, settings: Mapping[str, str]) -> None:
    """Write spark-defaults.conf."""
    _write(folders.spark / "spark-defaults.conf", [f"{name} {value}" for name, value in settings.items()])


def write_spark_env(folders: ConfFolders, settings: Mapping[str, str]) -> None:
    """Write spark-env.sh. Values are not quoted, as in the AWS image: the shell expands them."""
    _write(folders.spark / "spark-env.sh", [f"export {name}={value}" for name, value in settings.items()])


def write_core_site(folders: ConfFolders, settings: Mapping[str, str]) -> None:
    """Write core-site.xml."""
    properties = [
        f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>"
        for name, value in settings.items()
    ]
    _write(
        folders.hadoop / "core-site.xml", ['<?xml version="1.0"?>', "<configuration>", *properties, "</configuration>"]
    )


def _write(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
