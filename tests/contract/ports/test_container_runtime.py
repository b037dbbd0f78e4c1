"""What every ContainerRuntime does: one suite for the engine in memory and for Docker."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import (
    ContainerGone,
    ContainerNotStarted,
    ImageNotFound,
    RuntimeFailure,
    RuntimeUnavailable,
    StartRejected,
)
from processing_emulator.ports import (
    BindMount,
    ContainerState,
    Dialogue,
    NetworkAttachment,
    NetworkSpec,
    OverlayMount,
    PullPolicy,
)
from tests.contract.ports.containers import (
    READY,
    DockerWorld,
    Does,
    FakeWorld,
    World,
    a_spec,
    all_lines,
    engine_lost,
    lines_until,
    started,
)
from tests.fixtures_docker import TEST_IMAGE, EngineProxy, RuntimeFactory
from tests.waiting import wait_for


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield FakeWorld()
        return
    make_runtime: RuntimeFactory = request.getfixturevalue("make_runtime")
    proxy: EngineProxy = request.getfixturevalue("engine_proxy")
    yield DockerWorld(make_runtime, proxy)


NEVER = threading.Event()


# --- create, find, inspect ---


def test_engine_says_what_it_is(world: World) -> None:
    info = world.runtime.info()

    assert info.version
    assert info.cpus >= 1
    assert info.memory_bytes > 0
    assert info.cgroup_version in ("1", "2")


def test_name_nobody_has_is_not_found(world: World) -> None:
    assert world.runtime.find("nobody-has-this-name") is None


def test_created_container_is_found_by_name_and_waits_to_be_started(world: World) -> None:
    spec = a_spec()

    container_id = world.runtime.create(spec)
    found = world.runtime.find(spec.name)

    assert found is not None
    assert found == world.runtime.inspect(container_id)
    assert (found.id, found.name, found.state, found.pid, found.exit) == (
        container_id,
        spec.name,
        ContainerState.CREATED,
        0,
        None,
    )
    assert found.labels.items() >= spec.labels.items()
    assert "processing-emulator.id" in found.labels


def test_container_is_not_found_by_the_beginning_of_its_id(world: World) -> None:
    container_id = world.runtime.create(a_spec())

    assert world.runtime.find(container_id[:12]) is None


def test_second_container_of_a_name_is_refused_and_the_first_stays(world: World) -> None:
    spec = a_spec()
    first = world.runtime.create(spec)

    with pytest.raises(ContainerNotStarted, match="already in use"):
        world.runtime.create(spec)

    assert world.runtime.inspect(first).state is ContainerState.CREATED


def test_folder_that_is_missing_is_not_mounted_but_refused(world: World, tmp_path: Path) -> None:
    mount = BindMount(source=tmp_path / "missing", target="/opt/ml/processing/in")

    with pytest.raises(RuntimeFailure, match="does not exist") as raised:
        world.runtime.create(a_spec(mounts=(mount,)))

    assert not isinstance(raised.value, StartRejected)  # it is not the user's fault
    assert not mount.source.exists()
    assert world.runtime.list_ours() == []


def test_container_that_never_was_is_gone(world: World) -> None:
    nobody = "0" * 64

    with pytest.raises(ContainerGone):
        world.runtime.inspect(nobody)
    with pytest.raises(ContainerGone):
        world.runtime.start(nobody)
    with pytest.raises(ContainerGone):
        world.runtime.wait(nobody)
    with pytest.raises(ContainerGone):
        list(world.runtime.stream_logs(nobody, 0))


# --- start, wait ---


def test_running_container_has_a_process(world: World) -> None:
    container_id = started(world, Does(holds=True))

    info = world.runtime.inspect(container_id)

    assert info.state is ContainerState.RUNNING
    assert info.pid > 0
    assert info.exit is None


@pytest.mark.parametrize("code", [0, 1, 137, 255])
def test_exit_code_is_told_by_wait_and_by_inspect(world: World, code: int) -> None:
    container_id = started(world, Does(exit_code=code))

    ended = world.runtime.wait(container_id)

    assert ended == ContainerExit(code=code)
    info = world.runtime.inspect(container_id)
    assert (info.state, info.pid, info.exit) == (ContainerState.EXITED, 0, ended)


def test_wait_returns_when_the_container_exits_and_not_before(world: World) -> None:
    container_id = started(world, Does(holds=True, exit_code=7))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(world.runtime.wait, container_id)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)

        world.release(container_id)

        assert waiting.result(10) == ContainerExit(code=7)


def test_many_may_wait_for_the_same_container(world: World) -> None:
    container_id = started(world, Does(holds=True, exit_code=3))
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(world.runtime.wait, container_id) for _ in range(8)]

        world.release(container_id)

        assert {future.result(10).code for future in waiting} == {3}


def test_container_killed_for_memory_says_so(world: World) -> None:
    container_id = started(world, Does(out_of_memory=True))

    assert world.runtime.wait(container_id) == ContainerExit(code=137, out_of_memory=True)


def test_waiting_for_a_container_that_was_never_started_is_an_error_and_no_exit_zero(world: World) -> None:
    container_id = world.runtime.create(a_spec())

    with pytest.raises(RuntimeFailure, match="never started"):
        world.runtime.wait(container_id)


def test_second_start_of_a_running_container_changes_nothing(world: World) -> None:
    container_id = started(world, Does(holds=True))
    before = world.runtime.inspect(container_id)

    world.runtime.start(container_id)

    assert world.runtime.inspect(container_id) == before


@pytest.mark.parametrize("code", [126, 127])
def test_program_that_cannot_be_run_is_rejected_as_a_shell_would(world: World, code: int) -> None:
    container_id = world.runtime.create(a_spec(Does(rejected_with=code)))

    with pytest.raises(StartRejected, match="exec: ") as raised:
        world.runtime.start(container_id)

    assert raised.value.exit_code == code
    assert world.runtime.inspect(container_id).state is not ContainerState.RUNNING


def test_what_a_container_writes_into_a_mount_is_there(world: World, tmp_path: Path) -> None:
    mount = BindMount(source=tmp_path, target="/opt/ml/processing/out")
    does = Does(writes=("/opt/ml/processing/out/file", "text"))

    world.runtime.wait(started(world, does, mounts=(mount,)))

    assert (tmp_path / "file").read_text() == "text"


def overlay(tmp_path: Path, target: str) -> OverlayMount:
    folders = [tmp_path / name for name in ("lower", "upper", "work")]
    for folder in folders:
        folder.mkdir()
    return OverlayMount(lower=folders[0], upper=folders[1], work=folders[2], target=target)


def test_changes_to_an_overlay_leave_its_lower_folder_unchanged(world: World, tmp_path: Path) -> None:
    mount = overlay(tmp_path, "/opt/ml/processing/in")
    (mount.lower / "file").write_text("cached")

    for text in ("changed once", "changed twice"):
        does = Does(writes=("/opt/ml/processing/in/file", text))
        container_id = started(world, does, mounts=(mount,))
        assert world.runtime.wait(container_id).code == 0
        world.runtime.remove(container_id)

    assert (mount.lower / "file").read_text() == "cached"
    assert (mount.upper / "file").read_text() == "changed twice"


def test_engine_is_tried_for_overlays_without_a_trace(world: World, tmp_path: Path) -> None:
    image = world.runtime.ensure_image(TEST_IMAGE, PullPolicy.NEVER, lambda _line: None, threading.Event())

    assert world.runtime.can_mount(image.id, overlay(tmp_path, "/opt/ml/processing/in"))

    assert world.runtime.list_ours() == []


def test_overlay_of_a_missing_folder_is_refused(world: World, tmp_path: Path) -> None:
    mount = overlay(tmp_path, "/opt/ml/processing/in")
    mount.lower.rmdir()

    with pytest.raises(RuntimeFailure, match="no such file or directory") as raised:
        started(world, Does(), mounts=(mount,))

    assert not isinstance(raised.value, StartRejected)


# --- networks ---


def a_network(*, isolated: bool = False) -> NetworkSpec:
    return NetworkSpec(name=f"test-{uuid.uuid4().hex[:12]}", labels={"contract": "yes"}, isolated=isolated)


@pytest.mark.parametrize("isolated", [False, True])
def test_created_network_is_found_and_listed_until_it_is_removed(world: World, isolated: bool) -> None:
    spec = a_network(isolated=isolated)

    made = world.runtime.create_network(spec)

    assert made == world.runtime.find_network(spec.name)
    assert world.runtime.list_networks() == [made]
    assert world.other_emulator.list_networks() == []
    assert made.labels.items() >= spec.labels.items()
    assert "processing-emulator.id" in made.labels

    world.runtime.remove_network(made.id)
    world.runtime.remove_network(made.id)

    assert world.runtime.find_network(spec.name) is None
    assert world.runtime.list_networks() == []


def test_missing_network_is_not_found(world: World) -> None:
    made = world.runtime.create_network(a_network())

    assert world.runtime.find_network("no-such-network") is None
    assert world.runtime.find_network(made.id[:12]) is None
    world.runtime.remove_network("0" * 64)


def test_second_network_of_a_name_is_refused(world: World) -> None:
    made = world.runtime.create_network(a_network())

    with pytest.raises(RuntimeFailure, match="already exists"):
        world.runtime.create_network(NetworkSpec(name=made.name, labels={}, isolated=False))

    assert world.runtime.list_networks() == [made]


def test_networks_have_subnets_of_their_own_with_room_for_a_hundred_hosts(world: World) -> None:
    first, second = (world.runtime.create_network(a_network()) for _ in range(2))

    assert not first.subnet.overlaps(second.subnet)
    addresses = first.addresses(100)
    assert len(set(addresses)) == 100
    assert str(first.gateway) not in addresses
    assert all(IPv4Address(address) in first.subnet for address in addresses)


def test_addresses_of_jobs_are_known_while_their_containers_run(world: World) -> None:
    made = world.runtime.create_network(a_network())
    (address,) = made.addresses(1)
    before = world.other_emulator.job_addresses()
    container_id = started(world, Does(holds=True), network=NetworkAttachment(network=made.name, address=address))
    on_bridge = started(world, Does(holds=True), network=NetworkAttachment(network="bridge"))

    found = world.other_emulator.job_addresses()
    assert address in found
    assert len(found - before) == 2

    for each in (container_id, on_bridge):
        world.runtime.remove(each)
    assert not world.runtime.job_addresses() & (found - before)


def test_network_is_removed_only_after_its_containers(world: World) -> None:
    made = world.runtime.create_network(a_network())
    attachment = NetworkAttachment(network=made.name, address=made.addresses(1)[0])
    container_id = started(world, Does(holds=True), network=attachment)

    with pytest.raises(RuntimeFailure, match="has active endpoints"):
        world.runtime.remove_network(made.id)
    world.runtime.remove(container_id)
    world.runtime.remove_network(made.id)

    assert world.runtime.list_networks() == []


def test_shared_network_has_one_name_for_all_emulators_and_belongs_to_none(world: World) -> None:
    name = world.runtime.shared_network()

    assert world.other_emulator.shared_network() == name
    assert world.runtime.list_networks() == world.other_emulator.list_networks() == []
    started(world, Does(), network=NetworkAttachment(network=name))


def test_container_is_attached_to_a_second_network_once(world: World) -> None:
    own, other = (world.runtime.create_network(a_network()) for _ in range(2))
    attachment = NetworkAttachment(network=own.name, address=own.addresses(1)[0])
    container_id = world.runtime.create(a_spec(Does(holds=True), network=attachment))

    world.runtime.connect_network(container_id, other.name)
    world.runtime.connect_network(container_id, other.name)
    world.runtime.start(container_id)

    for network in (own, other):
        with pytest.raises(RuntimeFailure, match="has active endpoints"):
            world.runtime.remove_network(network.id)
    with pytest.raises(RuntimeFailure, match="no-such-network not found"):
        world.runtime.connect_network(container_id, "no-such-network")


def test_container_of_a_missing_network_does_not_start(world: World) -> None:
    with pytest.raises(RuntimeFailure, match="no-such-network not found") as raised:
        started(world, Does(), network=NetworkAttachment(network="no-such-network"))

    assert not isinstance(raised.value, StartRejected)


# --- signal, remove, list ---


def test_sigterm_ends_a_container_that_heeds_it(world: World) -> None:
    container_id = started(world, Does(holds=True))

    world.runtime.signal(container_id, "SIGTERM")

    assert world.runtime.wait(container_id) == ContainerExit(code=143)


def test_container_that_was_sent_a_signal_did_not_end_by_itself(world: World) -> None:
    signalled, itself = started(world, Does(holds=True)), started(world, Does(exit_code=143))

    world.runtime.signal(signalled, "SIGTERM")

    assert world.runtime.wait(signalled) == world.runtime.wait(itself) == ContainerExit(code=143)
    assert world.runtime.was_ended_from_outside(signalled, engine_lost_at=None)
    assert not world.runtime.was_ended_from_outside(itself, engine_lost_at=None)


def test_container_that_went_on_after_a_signal_ended_by_itself(world: World) -> None:
    container_id = started(world, Does(holds=True, exit_code=3))

    world.runtime.signal(container_id, "SIGUSR2")
    world.release(container_id)

    assert world.runtime.wait(container_id) == ContainerExit(code=3)
    assert not world.runtime.was_ended_from_outside(container_id, engine_lost_at=None)


def test_exit_codes_of_containers_that_the_engine_ends_are_the_container_s_own_if_the_engine_ran_all_the_time(
    world: World,
) -> None:
    """A caller that lost the engine for a moment cannot tell."""
    containers = {code: started(world, Does(exit_code=code)) for code in (137, 143, 255)}

    for code, container_id in containers.items():
        assert world.runtime.wait(container_id) == ContainerExit(code=code)
        assert not world.runtime.was_ended_from_outside(container_id, engine_lost_at=datetime.now(UTC))


def test_handler_for_a_signal_is_seen(world: World) -> None:
    """Once the program runs: while it is being started, the process is the engine's, which handles all signals."""
    heeds = started(world, Does(holds=True))
    ignores = started(world, Does(holds=True, ignores_sigterm=True))

    def handled(container_id: str) -> tuple[bool | None, bool | None]:
        runtime = world.runtime
        return runtime.handles_signal(container_id, "SIGTERM"), runtime.handles_signal(container_id, "SIGUSR2")

    wait_for("the handler", lambda: handled(heeds) == (True, False))
    wait_for("no handler", lambda: handled(ignores) == (False, False))


def test_container_that_ignores_sigterm_runs_on_until_it_is_killed(world: World) -> None:
    container_id = started(world, Does(holds=True, ignores_sigterm=True))

    world.runtime.signal(container_id, "SIGTERM")
    assert world.runtime.inspect(container_id).state is ContainerState.RUNNING
    world.runtime.signal(container_id, "SIGKILL")

    assert world.runtime.wait(container_id) == ContainerExit(code=137)


def test_signal_to_a_container_that_does_not_run_is_nothing(world: World) -> None:
    created = world.runtime.create(a_spec())
    exited = started(world, Does())
    world.runtime.wait(exited)

    for container_id in (created, exited, "0" * 64):
        world.runtime.signal(container_id, "SIGTERM")

    assert world.runtime.inspect(exited).exit == ContainerExit(code=0)


def test_remove_ends_a_running_container_and_leaves_nothing(world: World) -> None:
    container_id = started(world, Does(holds=True, ignores_sigterm=True))

    world.runtime.remove(container_id)

    with pytest.raises(ContainerGone):
        world.runtime.inspect(container_id)
    assert world.runtime.list_ours() == []


def test_remove_is_done_when_it_is_done_however_often_it_is_asked_for(world: World) -> None:
    container_id = started(world, Does(holds=True))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(world.runtime.remove, [container_id] * 6))
    world.runtime.remove(container_id)

    assert world.runtime.list_ours() == []


def test_container_that_is_removed_while_it_runs_is_gone_for_those_who_wait(world: World) -> None:
    container_id = started(world, Does(holds=True))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(world.runtime.wait, container_id)
        with suppress(TimeoutError):
            waiting.result(0.2)

        world.runtime.remove(container_id)

        with pytest.raises(ContainerGone):
            waiting.result(10)


def test_only_our_own_containers_are_listed_in_any_state(world: World) -> None:
    theirs = world.other_emulator.create(a_spec())
    created = world.runtime.create(a_spec())
    running = started(world, Does(holds=True))
    exited = started(world, Does(exit_code=4))
    world.runtime.wait(exited)

    listed = {info.id: info for info in world.runtime.list_ours()}

    assert listed.keys() == {created, running, exited}
    assert {info.id for info in world.other_emulator.list_ours()} == {theirs}
    assert [listed[i].state for i in (created, running, exited)] == [
        ContainerState.CREATED,
        ContainerState.RUNNING,
        ContainerState.EXITED,
    ]
    assert listed[exited].exit == ContainerExit(code=4)


# --- logs ---


def test_every_line_is_streamed_once_in_order(world: World) -> None:
    printed = [f"line {number}" for number in range(200)]

    container_id = started(world, Does(prints=printed))

    assert all_lines(world.runtime, container_id) == [line.encode() for line in printed]


def test_log_can_be_read_again_after_the_exit(world: World) -> None:
    container_id = started(world, Does(prints=["once"]))
    world.runtime.wait(container_id)

    assert all_lines(world.runtime, container_id) == all_lines(world.runtime, container_id) == [b"once"]


def test_lines_arrive_while_the_container_runs(world: World) -> None:
    container_id = started(world, Does(prints=["early"], holds=True))

    batch = next(iter(world.runtime.stream_logs(container_id, 0)))

    assert batch[0].data == b"early"
    assert world.runtime.inspect(container_id).state is ContainerState.RUNNING


def test_stream_ends_with_the_container(world: World) -> None:
    container_id = started(world, Does(holds=True))
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(all_lines, world.runtime, container_id)
        with pytest.raises(TimeoutError):
            reading.result(0.2)

        world.release(container_id)

        assert reading.result(10) == [READY]


def test_empty_lines_and_bytes_are_kept(world: World) -> None:
    printed = ["", "ünïcode ☃", " indented", "tab\there", ""]

    container_id = started(world, Does(prints=printed))

    assert all_lines(world.runtime, container_id) == [line.encode() for line in printed]


def test_line_longer_than_16_kib_is_several(world: World) -> None:
    container_id = started(world, Does(prints=["x" * 20_000, "short"]))

    assert [len(line) for line in all_lines(world.runtime, container_id)] == [16_384, 3_616, 5]


def test_stamps_lie_between_start_and_exit_and_never_go_back(world: World) -> None:
    container_id = started(world, Does(prints=["a", "b", "c"]))

    stamps = [line.at_ns for batch in world.runtime.stream_logs(container_id, 0) for line in batch]

    assert len(stamps) == 3
    assert stamps == sorted(stamps)
    assert 1.7e18 < stamps[0] < 1e19


def test_stream_since_a_second_leaves_out_what_was_stamped_before(world: World) -> None:
    container_id = started(world, Does(prints=["a", "b"]))
    world.runtime.wait(container_id)
    lines = [line for batch in world.runtime.stream_logs(container_id, 0) for line in batch]
    second = lines[0].at_ns // 1_000_000_000

    assert all_lines(world.runtime, container_id, second) == [b"a", b"b"]
    assert all_lines(world.runtime, container_id, lines[-1].at_ns // 1_000_000_000 + 1) == []


# --- usage ---


def test_running_container_is_measured(world: World) -> None:
    container_id = started(world, Does(holds=True))

    reading = world.runtime.read_usage(container_id)

    assert reading is not None
    assert 0 < reading.cpu_seconds < 60
    assert 100_000 < reading.memory_bytes <= 64 * 1024**2


def test_container_that_does_not_run_is_not_measured(world: World) -> None:
    created = world.runtime.create(a_spec())
    ended = started(world, Does(holds=True))
    assert world.runtime.read_usage(ended) is not None
    world.release(ended)
    world.runtime.wait(ended)

    assert [world.runtime.read_usage(i) for i in (created, ended, "0" * 64)] == [None, None, None]


# --- images ---


def test_image_that_is_here_has_an_id_and_a_platform_and_runs_by_them(world: World) -> None:
    image = world.runtime.ensure_image(TEST_IMAGE, PullPolicy.MISSING, lambda _line: None, NEVER)

    assert image.id.startswith("sha256:")
    assert image.platform.startswith("linux/")
    assert image.digests == (), "no registry has it"
    assert world.runtime.ensure_image(TEST_IMAGE, PullPolicy.NEVER, lambda _line: None, NEVER) == image
    container_id = started(world, Does(), platform=image.platform)
    assert world.runtime.wait(container_id).code == 0


@pytest.mark.parametrize("policy", list(PullPolicy))
@pytest.mark.parametrize(
    "reference",
    [
        "processing-emulator/not-built:1",
        "processing-emulator/not-built",
        "docker.io/processing-emulator/not-built:1",
        "index.docker.io/processing-emulator/not-built:1",
        "registry-1.docker.io/processing-emulator/not-built:1",
        f"processing-emulator/not-built@sha256:{'a' * 64}",
        f"docker.io/processing-emulator/not-built:1@sha256:{'a' * 64}",
    ],
)
def test_an_image_of_ours_that_is_not_built_is_never_pulled(world: World, reference: str, policy: PullPolicy) -> None:
    progress: list[str] = []

    with pytest.raises(ImageNotFound, match=r"is never pulled from a registry; .*: processing-emulator images list"):
        world.runtime.ensure_image(reference, policy, progress.append, NEVER)

    assert progress == []


def test_an_image_of_ours_that_is_built_is_not_pulled_even_if_the_policy_is_always(world: World) -> None:
    image = world.runtime.ensure_image(TEST_IMAGE, PullPolicy.NEVER, lambda _line: None, NEVER)

    assert world.runtime.ensure_image(TEST_IMAGE, PullPolicy.ALWAYS, lambda _line: None, NEVER) == image


# --- the engine goes away ---


def test_every_call_says_that_the_engine_is_away(world: World) -> None:
    container_id = started(world, Does(holds=True))
    runtime = world.runtime
    calls: list[Callable[[], object]] = [
        runtime.info,
        runtime.list_ours,
        runtime.list_networks,
        lambda: runtime.create_network(a_network()),
        lambda: runtime.find_network("x"),
        lambda: runtime.remove_network("x"),
        lambda: runtime.find("x"),
        lambda: runtime.create(a_spec()),
        lambda: runtime.start(container_id),
        lambda: runtime.inspect(container_id),
        lambda: runtime.wait(container_id),
        lambda: runtime.signal(container_id, "SIGTERM"),
        lambda: runtime.remove(container_id),
        lambda: list(runtime.stream_logs(container_id, 0)),
        lambda: runtime.ensure_image(TEST_IMAGE, PullPolicy.MISSING, lambda _line: None, NEVER),
    ]
    with engine_lost(world):
        for call in calls:
            with pytest.raises(RuntimeUnavailable, match="No Docker engine answers"):
                call()

    assert runtime.inspect(container_id).state is ContainerState.RUNNING


def test_wait_is_told_that_the_engine_went_away_and_works_again_when_it_is_back(world: World) -> None:
    container_id = started(world, Does(holds=True, exit_code=5))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(world.runtime.wait, container_id)
        with suppress(TimeoutError):
            waiting.result(0.2)
        with engine_lost(world), pytest.raises(RuntimeUnavailable):
            waiting.result(10)
    world.release(container_id)

    assert world.runtime.wait(container_id) == ContainerExit(code=5)


def test_log_stream_ends_quietly_when_the_engine_goes_away(world: World) -> None:
    container_id = started(world, Does(prints=["before"], holds=True))
    stream = iter(world.runtime.stream_logs(container_id, 0))
    seen: list[bytes] = []
    while READY not in seen:
        seen += [line.data for line in next(stream)]
    with engine_lost(world):
        seen += [line.data for batch in stream for line in batch]

    assert seen == [b"before", READY]


# --- looking into a container that has ended ---


def test_a_snapshot_and_the_volumes_of_an_ended_container_are_seen_by_another(world: World, tmp_path: Path) -> None:
    """The second one is typed into through a pipe, and the engine removes it when it ends."""
    (tmp_path / "in").mkdir()
    mounts = (BindMount(source=tmp_path / "in", target="/in"),)
    first = started(world, Does(exit_code=3, writes=("/in/x", "text")), mounts=mounts)
    world.runtime.wait(first)
    name = f"contract-{uuid.uuid4().hex[:8]}"
    image = world.runtime.snapshot(first, name)
    assert image.platform.startswith("linux/")
    spec = replace(
        a_spec(Does(holds=True)), image=image.id, platform=image.platform, volumes_from=first, dialogue=Dialogue.PIPE
    )
    second = world.runtime.create(spec)
    try:
        assert name in world.runtime.list_snapshots()
        assert name not in world.other_emulator.list_snapshots()
        assert world.runtime.snapshot(first, name) == image
        world.runtime.start(second)
        assert READY in lines_until(world.runtime, second, READY)
        with pytest.raises(RuntimeFailure):
            world.runtime.remove_snapshot(name)
        world.release(second)
        wait_for("its removal", lambda: world.runtime.find(spec.name) is None or None)
    finally:
        world.runtime.remove(second)
        world.runtime.remove_snapshot(name)
    world.runtime.remove_snapshot(name)
    assert name not in world.runtime.list_snapshots()


def test_an_ended_container_says_what_it_ran_and_which_programs_it_has(world: World) -> None:
    spec = a_spec(Does(exit_code=3))
    ended = started(world, Does(exit_code=3))
    world.runtime.wait(ended)
    assert world.runtime.inspect(ended).process.command == (*(spec.entrypoint or ()), *(spec.arguments or ()))
    assert world.runtime.has_file(ended, "/bin/sh")
    assert not world.runtime.has_file(ended, "/no/such/program")
    world.runtime.remove(ended)
    with pytest.raises(ContainerGone):
        world.runtime.has_file(ended, "/bin/sh")
    with pytest.raises(ContainerGone):
        world.runtime.snapshot(ended, "gone")
