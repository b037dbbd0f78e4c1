"""Removes the containers, networks and volumes of an emulator from Docker, by its label.

Usage: remove_jobs.py ID        (of an emulator that no longer runs; from the file `id` in its data directory)
"""

import sys

import docker
from docker.errors import DockerException


def remove_all(client: docker.DockerClient, emulator_id: str) -> list[str]:
    """Remove them in any state; returns their names."""
    filters: dict[str, str | list[str] | bool] = {"label": f"processing-emulator.id={emulator_id}"}
    removed: list[str] = []
    for container in client.containers.list(all=True, filters=filters):
        container.remove(force=True, v=True)
        removed.append(str(container.name))
    for network in client.networks.list(filters={"label": f"processing-emulator.id={emulator_id}"}):
        network.remove()
        removed.append(str(network.name))
    for volume in client.volumes.list(filters={"label": f"processing-emulator.id={emulator_id}"}):
        volume.remove(force=True)
        removed.append(str(volume.id))
    return removed


def main() -> int:
    """With an empty id there is nothing to remove: that emulator never started."""
    emulator_id = sys.argv[1].strip()
    if not emulator_id:
        return 0
    try:
        for name in remove_all(docker.from_env(timeout=60), emulator_id):
            print(f"Removed {name}.")
    except DockerException as error:
        print(f"remove_jobs.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
