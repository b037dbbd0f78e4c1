"""The table of the engine's errors, one real message for each row at least."""

import pytest

from processing_emulator.adapters.docker_runtime.engine_errors import TABLE, UNKNOWN, row_of
from processing_emulator.adapters.docker_runtime.errors import MESSAGE_LIMIT, judged
from processing_emulator.errors import (
    ContainerGone,
    ContainerNotStarted,
    ImageNotFound,
    RuntimeFailure,
    RuntimeUnavailable,
    StartRejected,
)

ID = "532efc4b9ce34d402aebaababe793d4b67e62845ad021cdd19c27670b2e3d74e"
OCI = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
NEWER_OCI = "failed to create task for container: " + OCI
OLDER_OCI = "OCI runtime create failed: container_linux.go:380: starting container process caused: "

USER = [
    (OCI + 'exec: "/nope": stat /nope: no such file or directory: unknown', 127),
    (NEWER_OCI + 'exec: "nope": executable file not found in $PATH: unknown', 127),
    (NEWER_OCI + 'error during container init: exec: "/etc/passwd": permission denied: unknown', 126),
    (OLDER_OCI + 'exec: "/opt/ml/code/run_sfm.sh": permission denied: unknown', 126),
    (OCI + 'exec: "/a \\" b": permission denied: unknown', 126),
    (OCI + 'exec: "/arm": exec format error: unknown', 126),
    (OCI + 'exec: "/tmp": is a directory: unknown', 126),
    (OCI + 'exec: "containerd: task already exists": executable file not found in $PATH: unknown', 127),
    ("No command specified", 125),
    ("unable to find user nobody9: no matching entries in passwd file", 125),
    (OCI + 'chdir to cwd ("/root/work") set in config.json failed: permission denied: unknown', 126),
    (
        OCI + 'error mounting "/data/x" to rootfs at "/etc/passwd": not a directory: unknown: '
        "Are you trying to mount a directory onto a file (or vice-versa)?",
        125,
    ),
    (OCI + '"/var/lib/docker/overlay2/x/merged/proc/x" cannot be mounted because it is inside "/proc": unknown', 125),
    ("Duplicate mount point: /opt/ml/processing/a", 125),
]

ANOTHER_CONTAINER = [
    (f"task {ID}: already exists", 409),
    (f'Conflict. The container name "/j-algo-1" is already in use by container "{ID}". You have to remove', 409),
    ("OCI runtime create failed: container with id exists: " + ID + ": unknown", 500),
    (f'container "{ID}": already exists', 500),
    (f"can't start container {ID}: container is marked for removal and cannot be started", 409),
    (f"removal of container {ID} is already in progress", 409),
    ("failed to create endpoint j-algo-1 on network bridge: network e1b6 does not exist", 500),
    ("endpoint with name j-algo-1 already exists in network pe-7", 403),
    ("Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use", 500),
    ("Bind for 0.0.0.0:5555 failed: port is already allocated", 500),
    ("failed to set up container networking: Address already in use", 500),
    ("no available IPv4 addresses on this network's address pools: bridge (0a1b)", 500),
    ("all predefined address pools have been fully subnetted", 500),
    ("could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network", 500),
    ("(iptables failed: iptables --wait -t nat -A DOCKER: iptables: No chain/target/match by that name.", 500),
    ("OCI runtime create failed: unable to start: fork/exec runc: cannot allocate memory", 500),
    (
        "failed to start shim: fork/exec containerd-shim-runc-v2: resource temporarily unavailable: unknown",
        500,
    ),
    ("error creating overlay mount to /var/lib/docker/overlay2/x/merged: device or resource busy", 500),
    ("ttrpc: closed: unknown", 500),
    ("failed to start shim: start failed: exit status 1: unknown", 500),
    ("error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused", 500),
    ("failed to create task for container: failed to create shim task: shim disconnected: exit status 255", 500),
    ("OCI runtime create failed: runc did not terminate successfully: signal: killed: unknown", 500),
    ("cannot start a stopped process: unknown", 500),
    ("failed to create shim task: context deadline exceeded: unknown", 500),
    ("Server shutting down", 500),
    ("unexpected EOF", 500),
]

NOT_POSSIBLE = [
    ('could not select device driver "" with capabilities: [[gpu]]', "install nvidia-container-toolkit"),
    ("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=GPU-1", "install nvidia-container-toolkit"),
    (OCI + "nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown", "nvidia-smi"),
    ("mkdir /var/lib/docker/overlay2/x-init: no space left on device", "docker system prune"),
    ("open /var/lib/docker/x: read-only file system", "cannot write to its disk"),
    (
        'invalid mount config for type "bind": bind source path does not exist: /data/jobs/1/algo-1/config',
        "does not see the data directory",
    ),
    ("network pe-net not found", "CONTAINER_NETWORK"),
    ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", ""),
    ("Minimum memory limit allowed is 6MB", ""),
    ("something that nobody has seen before", ""),
]


def error(text: str, status: int = 500) -> RuntimeFailure:
    return judged(text, status, "unix:///run/engine.sock", "start a container")


@pytest.mark.parametrize(("text", "code"), USER)
def test_fault_of_the_user_has_the_exit_code_of_a_shell(text: str, code: int) -> None:
    rejected = error(text, 400)

    assert isinstance(rejected, StartRejected)
    assert rejected.exit_code == code
    assert not str(rejected).startswith("failed to create")


@pytest.mark.parametrize(("text", "status"), ANOTHER_CONTAINER)
def test_what_an_interrupted_start_left_or_what_passes_is_tried_with_another_container(text: str, status: int) -> None:
    failed = error(text, status)

    assert type(failed) is ContainerNotStarted
    assert str(failed).startswith("The Docker engine could not start a container: ")


@pytest.mark.parametrize(("text", "advice"), NOT_POSSIBLE)
def test_what_the_engine_cannot_do_is_its_own_fault_and_has_advice(text: str, advice: str) -> None:
    failed = error(text, 404)

    assert type(failed) is RuntimeFailure
    assert text in str(failed)
    assert advice in str(failed)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_engine_that_is_not_ready_is_asked_again(status: int) -> None:
    assert type(error("anything", status)) is RuntimeUnavailable


def test_missing_container_and_image_are_told_apart() -> None:
    assert type(error(f"No such container: {ID}", 404)) is ContainerGone
    missing = error("No such image: team/image:1", 404)
    assert type(missing) is ImageNotFound
    assert str(missing) == (
        "API error (404): manifest for team/image:1 not found: manifest unknown: Requested image not found"
    )


def test_every_row_has_a_message_here_and_the_rest_is_the_engine_s_fault() -> None:
    seen = {row_of(text, status) for text, status in ANOTHER_CONTAINER}
    seen |= {row_of(text, 400) for text, _ in (*USER, *NOT_POSSIBLE)}
    seen |= {row_of("", 503), row_of("No such image: x", 404), row_of(f"No such container: {ID}", 404)}

    assert [row for row in TABLE if row not in seen] == []
    assert seen - set(TABLE) == {UNKNOWN}


def test_refusal_tells_the_cause_without_the_engine_s_layers() -> None:
    assert str(error(USER[0][0])) == 'exec: "/nope": stat /nope: no such file or directory'
    assert len(str(error(OCI + f'exec: "/{"x" * 5000}": no such file or directory'))) == MESSAGE_LIMIT
