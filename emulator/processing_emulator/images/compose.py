"""The Compose file for users without a clone, made of the one in the repository."""

import re
from typing import Any

import yaml

from processing_emulator import __version__
from processing_emulator.images.folder import compose_file

HEAD = f"""\
# The emulator {__version__} and an S3 store, each in a container:
#
#   docker compose up
#   eval "$(processing-emulator env)"        or AWS_ENDPOINT_URL=http://127.0.0.1:9320 and the two keys below
#
# Jobs run in the Docker engine whose socket is mounted: next to these containers, not inside them.
# The emulator's image is never looked up in a registry; another name for it is EMULATOR_IMAGE.
"""


def compose_text() -> str:
    """The services without profile, without what only a clone has: the build, and Grafana's files."""
    document: dict[str, Any] = yaml.safe_load(compose_file().read_text())
    services = {name: service for name, service in document["services"].items() if "profiles" not in service}
    emulator = services["emulator"]
    del emulator["build"]
    emulator["image"] = f"${{EMULATOR_IMAGE:-processing-emulator/emulator:{__version__}}}"
    emulator["pull_policy"] = "never"
    document["services"] = services
    document["volumes"] = {name: kind for name, kind in document["volumes"].items() if _is_used(name, services)}
    return HEAD + yaml.safe_dump(document, sort_keys=False, width=120)


def _is_used(volume: str, services: dict[str, Any]) -> bool:
    mounts = [mount for service in services.values() for mount in service.get("volumes", ())]
    return any(re.match(rf"{re.escape(volume)}:", mount) for mount in mounts)
