"""configuration.json: the part of EMR's configuration format that has a meaning without YARN and HDFS."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)

HONOURED = ("core-site", "spark-defaults", "spark-env")
IGNORED = (
    "hadoop-env",
    "hadoop-log4j",
    "hive-env",
    "hive-log4j",
    "hive-exec-log4j",
    "hive-site",
    "spark-log4j",
    "spark-hive-site",
    "spark-metrics",
    "yarn-env",
    "yarn-site",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The user's settings: for spark-defaults.conf, spark-env.sh and core-site.xml."""

    spark_defaults: Mapping[str, str] = field(default_factory=dict)
    spark_env: Mapping[str, str] = field(default_factory=dict)
    core_site: Mapping[str, str] = field(default_factory=dict)


def parse(document: Any) -> Configuration:
    """One classification or a list of them; a later one wins. Those that are ignored are logged by name.

    Raises ValueError for an unknown classification, KeyError for a missing member.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in HONOURED}
    for item in [] if document is None else document if isinstance(document, list) else [document]:
        name, properties = _properties(item)
        if name in IGNORED:
            logger.warning("configuration.json: %s is ignored, because this image has no part that reads it", name)
        else:
            found[name].update(properties)
    return Configuration(
        spark_defaults=found["spark-defaults"], spark_env=found["spark-env"], core_site=found["core-site"]
    )


def _properties(item: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    name = item["Classification"]
    if name not in HONOURED and name not in IGNORED:
        raise ValueError(f"Invalid classification: {name}. Must be one of {sorted((*HONOURED, *IGNORED))}.")
    if not name.endswith("-env"):
        return name, _texts(item["Properties"])
    inner = item.get("Configurations") or []
    if not inner:
        raise ValueError("'env' classifications require a sub-configuration.")
    if any(part["Classification"] != "export" for part in inner):
        raise ValueError("env classifications must use the 'export' sub-classification.")
    return name, {key: value for part in inner for key, value in _texts(part["Properties"]).items()}


def _texts(properties: Mapping[str, Any]) -> Mapping[str, str]:
    return {key: str(value) for key, value in properties.items()}
