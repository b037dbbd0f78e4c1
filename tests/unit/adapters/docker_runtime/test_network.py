"""Finding the container of this process, and translating its paths to host paths."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from processing_emulator.adapters.docker_runtime.network import SelfContainer, own_ids, self_container
from processing_emulator.errors import RuntimeFailure

ID = "a1" * 32
OTHER = "b2" * 32

MOUNTINFO = f"""\
614 516 0:54 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/X
640 614 254:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw
641 614 254:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw
642 614 254:1 /var/lib/docker/containers/{OTHER}/hostname /data/copy rw,relatime - ext4 /dev/vda1 rw
"""

HOST_MOUNTINFO = f"""\
25 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
99 25 0:50 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw,size=65536k
"""


def proc(root: Path, *, mountinfo: str = "", cgroup: str = "") -> Path:
    folder = root / "proc/self"
    folder.mkdir(parents=True)
    (folder / "mountinfo").write_text(mountinfo)
    (folder / "cgroup").write_text(cgroup)
    return root


def test_finds_the_container_by_mounted_files(tmp_path: Path) -> None:
    assert list(own_ids(proc(tmp_path, mountinfo=MOUNTINFO, cgroup="0::/\n"))) == [ID]


def test_finds_the_container_by_its_cgroup_v1_path(tmp_path: Path) -> None:
    assert list(own_ids(proc(tmp_path, cgroup=f"4:memory:/docker/{ID}\n3:cpu:/docker/{ID}\n"))) == [ID]


def test_finds_a_podman_container(tmp_path: Path) -> None:
    path = f"/var/lib/containers/storage/overlay-containers/{ID}/userdata/hostname"
    line = f"1 2 0:1 {path} /etc/hostname rw - ext4 /dev/vda1 rw\n"

    assert list(own_ids(proc(tmp_path, mountinfo=line))) == [ID]


def test_host_with_running_containers_is_not_a_container(tmp_path: Path) -> None:
    assert list(own_ids(proc(tmp_path, mountinfo=HOST_MOUNTINFO, cgroup="0::/user.slice\n"))) == []


def test_machine_without_proc_is_not_a_container(tmp_path: Path) -> None:
    assert list(own_ids(tmp_path)) == []


def container(**mounts: str) -> SelfContainer:
    return SelfContainer(
        id=ID, mounts=tuple((PurePosixPath("/" + own), PurePosixPath(host)) for own, host in mounts.items())
    )


def test_path_in_a_mount_is_translated_to_the_host_path() -> None:
    own = container(data="/srv/emulator")

    assert own.translate(Path("/data/jobs/1")) == Path("/srv/emulator/jobs/1")
    assert own.translate(Path("/data")) == Path("/srv/emulator")


def test_innermost_mount_wins() -> None:
    own = SelfContainer(
        id=ID,
        mounts=(
            (PurePosixPath("/data"), PurePosixPath("/a")),
            (PurePosixPath("/data/jobs"), PurePosixPath("/var/lib/docker/volumes/v/_data")),
        ),
    )

    assert own.translate(Path("/data/jobs/1")) == Path("/var/lib/docker/volumes/v/_data/1")


@pytest.mark.parametrize("path", ["/home/x", "/database"])
def test_path_outside_mounts_is_refused_with_a_hint(path: str) -> None:
    with pytest.raises(RuntimeFailure, match="mount a folder or a volume there"):
        container(data="/srv").translate(Path(path))


def test_uses_the_first_user_defined_network() -> None:
    document: dict[str, Any] = {
        "Id": ID,
        "Mounts": [
            {"Type": "bind", "Source": "/srv/data", "Destination": "/data"},
            {"Type": "volume", "Source": "/var/lib/docker/volumes/v/_data", "Destination": "/cache"},
            {"Type": "tmpfs", "Source": "", "Destination": "/tmp"},
        ],
        "NetworkSettings": {
            "Networks": {
                "bridge": {"IPAddress": "172.17.0.5"},
                "compose_default": {"IPAddress": "172.20.0.3"},
                "zzz": {"IPAddress": "172.21.0.3"},
            }
        },
    }

    assert self_container(document) == SelfContainer(
        id=ID,
        mounts=(
            (PurePosixPath("/data"), PurePosixPath("/srv/data")),
            (PurePosixPath("/cache"), PurePosixPath("/var/lib/docker/volumes/v/_data")),
        ),
        network="compose_default",
        address="172.20.0.3",
    )


def test_container_on_the_default_bridge_has_an_address_and_no_network() -> None:
    document = {"Id": ID, "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.5"}}}}

    own = self_container(document)

    assert (own.network, own.address) == (None, "172.17.0.5")
