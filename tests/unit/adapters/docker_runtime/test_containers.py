"""ContainerSpec as the engine's JSON, and the engine's JSON as ContainerInfo."""

from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.docker_runtime.containers import (
    ContainerDefaults,
    cdi_devices,
    container_body,
    container_info,
    engine_info,
    log_file_bytes,
)
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import BindMount, ContainerInfo, ContainerState, NetworkAttachment, OverlayMount
from tests.fixtures_docker import MIB, a_container

DEFAULTS = ContainerDefaults(emulator_id="e1")


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "body"),
    [
        ((), None, {}),
        (("/run",), None, {"Entrypoint": ["/run"]}),
        ((), ("a", "b"), {"Cmd": ["a", "b"]}),
        (("/run", "-x"), ("a",), {"Entrypoint": ["/run", "-x"], "Cmd": ["a"]}),
    ],
)
def test_four_combinations_of_entrypoint_and_arguments(
    entrypoint: tuple[str, ...], arguments: tuple[str, ...] | None, body: dict[str, Any]
) -> None:
    made = container_body(a_container(*entrypoint, arguments=arguments), DEFAULTS)

    assert {key: made[key] for key in ("Entrypoint", "Cmd") if key in made} == body


def test_request_body_of_a_container(tmp_path: Path) -> None:
    spec = a_container(
        "true",
        image="image:1",
        environment={"A": "1", "B": "x=y z\n"},
        mounts=(BindMount(source=tmp_path, target="/opt/ml/processing/in"),),
        labels={"job": "j"},
        memory_bytes=64 * MIB,
        vcpus=1.5,
        shm_bytes=32 * MIB,
        network=NetworkAttachment(network="net"),
    )

    assert container_body(spec, DEFAULTS) == {
        "Image": "image:1",
        "Hostname": "algo-1",
        "Env": ["A=1", "B=x=y z\n"],
        "Labels": {"job": "j", "processing-emulator.id": "e1"},
        "Entrypoint": ["true"],
        "HostConfig": {
            "NetworkMode": "net",
            "Memory": 64 * MIB,
            "MemorySwap": 64 * MIB,
            "NanoCpus": 1_500_000_000,
            "PidsLimit": 16_384,
            "ShmSize": 32 * MIB,
            "LogConfig": {
                "Type": "json-file",
                "Config": {"max-size": "268435456", "max-file": "4"},
            },
            "Mounts": [{"Type": "bind", "Source": str(tmp_path), "Target": "/opt/ml/processing/in"}],
        },
    }


def test_spec_cannot_override_the_emulator_s_label() -> None:
    spec = a_container("true", labels={"processing-emulator.id": "somebody else"})

    assert container_body(spec, DEFAULTS)["Labels"] == {"processing-emulator.id": "e1"}


def test_isolated_container_has_no_network_and_a_host_entry() -> None:
    config = container_body(a_container("true", network=None), DEFAULTS)["HostConfig"]

    assert (config["NetworkMode"], config["ExtraHosts"]) == ("none", ["algo-1:127.0.0.1"])


def test_container_in_a_network_has_its_address_and_the_hosts_it_is_given() -> None:
    attachment = NetworkAttachment(
        network="job", address="10.1.0.2", extra_hosts={"algo-1": "10.1.0.2", "algo-2": "10.1.0.3"}
    )

    body = container_body(a_container("true", network=attachment), DEFAULTS)

    assert body["HostConfig"]["NetworkMode"] == "job"
    assert body["HostConfig"]["ExtraHosts"] == ["algo-1:10.1.0.2", "algo-2:10.1.0.3"]
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"job": {"IPAMConfig": {"IPv4Address": "10.1.0.2"}}}}


def test_overlay_is_a_volume_without_a_name_on_translated_folders() -> None:
    defaults = ContainerDefaults(emulator_id="e1", translate=lambda path: Path("/host") / path.relative_to("/data"))
    mount = OverlayMount(lower=Path("/data/c:1"), upper=Path("/data/u"), work=Path("/data/w"), target="/t")

    (made,) = container_body(a_container("true", mounts=(mount,)), defaults)["HostConfig"]["Mounts"]

    assert (made["Type"], made["Target"], made.get("Source")) == ("volume", "/t", None)
    assert made["VolumeOptions"]["Labels"] == {"processing-emulator.id": "e1"}
    assert made["VolumeOptions"]["DriverConfig"] == {
        "Name": "local",
        "Options": {
            "type": "overlay",
            "device": "overlay",
            "o": "lowerdir=/host/c\\:1,upperdir=/host/u,workdir=/host/w,redirect_dir=on,index=off,metacopy=off",
        },
    }


def test_overlay_of_a_folder_with_a_comma_is_refused() -> None:
    mount = OverlayMount(lower=Path("/a,b"), upper=Path("/u"), work=Path("/w"), target="/t")

    with pytest.raises(RuntimeFailure, match="its name contains a comma"):
        container_body(a_container("true", mounts=(mount,)), DEFAULTS)


@pytest.mark.parametrize(
    ("found", "request_"),
    [
        (None, {"DeviceIDs": ["GPU-a", "GPU-b"], "Capabilities": [["gpu"]]}),
        (["GPU-a", "0", "all"], {"DeviceIDs": ["GPU-a", "GPU-b"], "Capabilities": [["gpu"]]}),
        (
            ["0", "GPU-a", "1", "GPU-b", "all"],
            {"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=GPU-a", "nvidia.com/gpu=GPU-b"]},
        ),
    ],
    ids=["engine without CDI", "CDI does not know all", "CDI knows all"],
)
def test_reserved_gpus_are_requested_by_their_ids(found: list[str] | None, request_: dict[str, Any]) -> None:
    devices = None if found is None else [{"Source": "cdi", "ID": f"nvidia.com/gpu={name}"} for name in found]
    spec = a_container("true", gpu_ids=("GPU-a", "GPU-b"))

    config = container_body(spec, DEFAULTS, cdi_devices({"DiscoveredDevices": devices}))["HostConfig"]

    assert config["DeviceRequests"] == [request_]


def test_mount_sources_are_translated_to_host_paths() -> None:
    defaults = ContainerDefaults(emulator_id="e1", translate=lambda path: Path("/host") / path.relative_to("/data"))
    spec = a_container("true", mounts=(BindMount(source=Path("/data/job"), target="/t"),))

    assert container_body(spec, defaults)["HostConfig"]["Mounts"][0]["Source"] == "/host/job"


def document(status: str, **state: object) -> dict[str, Any]:
    return {
        "Id": "abc",
        "Name": "/name",
        "Config": {"Labels": {"a": "b"}},
        "State": {"Status": status, "Pid": 0, "ExitCode": 0, "OOMKilled": False, **state},
        "HostConfig": {},
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("created", ContainerState.CREATED),
        ("running", ContainerState.RUNNING),
        ("paused", ContainerState.RUNNING),
        ("restarting", ContainerState.RUNNING),
        ("exited", ContainerState.EXITED),
        ("dead", ContainerState.EXITED),
        ("removing", ContainerState.EXITED),
    ],
)
def test_container_states(status: str, state: ContainerState) -> None:
    info = container_info(document(status))

    assert info.state is state
    assert (info.exit is not None) == (state is ContainerState.EXITED)


def test_container_info() -> None:
    assert container_info(document("exited", ExitCode=137, OOMKilled=True)) == ContainerInfo(
        id="abc",
        name="name",
        state=ContainerState.EXITED,
        labels={"a": "b"},
        pid=0,
        exit=ContainerExit(code=137, out_of_memory=True),
    )


def test_container_without_labels_has_none() -> None:
    assert container_info({**document("created"), "Config": {"Labels": None}}).labels == {}


@pytest.mark.parametrize(
    ("log", "size"),
    [
        ({"LogConfig": {"Config": {"max-size": "1000"}}}, 1000),
        ({"LogConfig": {"Config": {}}}, None),
        ({"LogConfig": {"Config": None}}, None),
        ({}, None),
    ],
)
def test_log_file_size_comes_from_the_container(log: dict[str, Any], size: int | None) -> None:
    assert log_file_bytes({"HostConfig": log}) == size


def test_missing_cgroup_version_means_version_1() -> None:
    facts = {"ServerVersion": "20.10", "NCPU": 2, "MemTotal": 5, "Driver": "overlay2"}

    assert engine_info(facts).cgroup_version == "1"
    assert engine_info({**facts, "CgroupVersion": "2"}).cgroup_version == "2"
