"""Jobs of several hosts on fakes: their network, how they start together, and how the end of one ends the others."""

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from processing_emulator.domain.job import ProcessingJob, Transfer
from processing_emulator.errors import NoFreeSubnet, RuntimeFailure
from processing_emulator.ports import CancelToken, ContainerSpec, LocalFile, NetworkSpec, TransferMeter
from tests.builders import an_output
from tests.fakes.container_script import FakeRun, mounted
from tests.fakes.object_store import MemoryObjectStore
from tests.fakes.runtime import LABEL_ID
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

HOLD = {"FAKE_HOLD": "1"}
HOSTS = ("algo-1", "algo-2", "algo-3")


def running(rig: Rig, **request: Any) -> ProcessingJob:
    """A job whose three containers run."""
    job = rig.add(hosts=3, **({"Environment": HOLD} | request))
    rig.wait_for_phase(job, "Running")
    return job


def test_hosts_share_a_network_and_know_all_addresses_their_own_first(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = running(rig)
    (network,) = rig.machine.networks.values()
    assert network.labels["processing-emulator.job-id"] == str(job.id)
    addresses = dict(zip(HOSTS, network.addresses(3), strict=True))
    for spec in emulator.runtime.specs:
        assert spec.network is not None
        assert (spec.network.network, spec.network.address) == (network.name, addresses[spec.hostname])
        assert spec.network.extra_hosts == addresses
        assert next(iter(spec.network.extra_hosts)) == spec.hostname
    for host in HOSTS:
        rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.leftovers() == []


def test_a_host_that_ends_early_leaves_the_others_running(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = running(rig)
    rig.machine.release(rig.container(job, "algo-1"))
    wait_for("its container to be removed", lambda: rig.container(job) not in rig.machine.names() or None)
    assert rig.job(job).phase == "Running"
    for host in HOSTS[1:]:
        rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"
    assert emulator.runtime.signals == []


def test_the_lowest_of_the_hosts_that_fail_at_once_names_the_reason(rig: Rig) -> None:
    rig.start_emulator()
    job = running(rig)
    with rig.machine.changed:
        rig.machine.release(rig.container(job, "algo-3"), 3)
        rig.machine.release(rig.container(job, "algo-2"), 2)
    assert rig.wait_for_end(job).failure_reason == "AlgorithmError: , exit code: 2"


def test_hosts_that_are_stopped_because_another_failed_upload_but_name_no_reason(rig: Rig) -> None:
    rig.start_emulator()
    rig.script = lambda _spec: FakeRun(holds=True, work=write_own_name)
    job = running(rig, outputs=[an_output()])
    rig.machine.release(rig.container(job, "algo-3"), 3)
    ended = rig.wait_for_end(job)
    assert (ended.status, ended.failure_reason) == ("Failed", "AlgorithmError: , exit code: 3")
    assert rig.objects.keys("bkt") == [f"out/{host}" for host in HOSTS]
    assert rig.leftovers() == []


def write_own_name(spec: ContainerSpec) -> None:
    (mounted(spec, "/opt/ml/processing/output") / spec.hostname).write_text("x")


class SlowStore(MemoryObjectStore):
    """Uploads wait for `may_upload`."""

    def __init__(self) -> None:
        super().__init__("bkt")
        self.may_upload = Event()

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None) -> Transfer:
        self.may_upload.wait(10)
        return super().upload(files, cancel, meter)


def test_the_others_are_stopped_before_the_outputs_of_the_failed_host_are_uploaded(rig: Rig) -> None:
    store = SlowStore()
    rig.objects = store
    emulator = rig.start_emulator()
    job = running(rig, outputs=[an_output()], Environment={**HOLD, "FAKE_WRITE": "/opt/ml/processing/output/f=x"})
    rig.machine.release(rig.container(job, "algo-3"), 3)
    wait_for("the others to be signalled", lambda: len(emulator.runtime.signals) == 2 or None)
    assert store.keys("bkt") == []
    store.may_upload.set()
    assert rig.wait_for_end(job).failure_reason == "AlgorithmError: , exit code: 3"


def test_a_host_that_was_being_stopped_at_a_crash_names_no_reason_after_it(rig: Rig) -> None:
    first = rig.start_emulator(stop_grace_seconds=60.0)
    job = running(rig, Environment={**HOLD, "FAKE_IGNORE_SIGTERM": "1"})
    rig.machine.release(rig.container(job, "algo-3"), 3)
    wait_for("the others to be signalled", lambda: len(first.runtime.signals) == 2 or None)
    first.end()
    for host in HOSTS[:2]:
        rig.machine.release(rig.container(job, host), 143)
    rig.start_emulator()
    ended = rig.wait_for_end(job)
    assert (ended.status, ended.failure_reason) == ("Failed", "AlgorithmError: , exit code: 3")
    assert rig.leftovers() == []


def test_a_network_that_cannot_be_made_fails_the_job_as_the_engine_s_fault(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("create_network", *[RuntimeFailure("iptables failed")] * 3)
    ended = rig.wait_for_end(rig.add(hosts=3, Environment=HOLD))
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("InternalServerError: ")
    assert "iptables failed" in ended.failure_reason
    assert rig.leftovers() == []


def test_a_network_that_cannot_be_removed_at_the_end_is_removed_by_the_reaper(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("remove_network", RuntimeFailure("has active endpoints"))
    assert rig.wait_for_end(rig.add(hosts=3)).status == "Completed"
    assert len(rig.leftovers()) == 1
    assert emulator.reaper.sweep() == 1
    assert rig.leftovers() == []


def test_hosts_are_also_in_the_network_of_the_setting_unless_they_are_isolated(rig: Rig) -> None:
    rig.machine.add_network(NetworkSpec(name="databases", labels={}, isolated=False), {LABEL_ID: "other"})
    rig.start_emulator(network="databases")
    for name, isolated in (("open", False), ("isolated", True)):
        job = running(rig, name=name, NetworkConfig={"EnableNetworkIsolation": isolated})
        containers = [container for container in rig.machine.containers() if container.spec.name.startswith(name)]
        assert [container.connected for container in containers] == [set() if isolated else {"databases"}] * 3
        for host in HOSTS:
            rig.machine.release(rig.container(job, host))
        assert rig.wait_for_end(job).status == "Completed"


def test_without_a_free_subnet_a_job_waits_and_says_why_until_there_is_one(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("create_network", NoFreeSubnet("all address pools are taken"))
    job = rig.add(hosts=3)
    assert rig.wait_for_end(job).status == "Completed"
    (waited,) = [event for event in rig.jobs.list_events(job.id) if event.action == "waiting_for_network"]
    assert waited.detail["reason"] == "all address pools are taken"


def test_a_job_that_waits_for_a_subnet_can_be_stopped(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("create_network", *[NoFreeSubnet("all address pools are taken")] * 100)
    job = rig.add(hosts=3)
    wait_for("the job to wait", lambda: "waiting_for_network" in rig.actions(job) or None)
    rig.request_stop(job)
    assert rig.wait_for_end(job).status == "Stopped"
    assert rig.leftovers() == []


@pytest.mark.parametrize("phase", ["Pulling", "StagingIn", "Starting", "Running", "StagingOut"])
def test_a_restart_in_any_phase_completes_the_job_with_all_its_hosts(rig: Rig, phase: str) -> None:
    first = rig.start_emulator()
    job = rig.add(hosts=3, Environment=HOLD, outputs=[an_output()])
    rig.script = lambda _spec: FakeRun(holds=phase == "Running", work=write_own_name)
    wait_for(f"the job to reach {phase}", lambda: phase in rig.phases(job) or None)
    first.end()
    network = [one.id for one in rig.machine.networks.values()]
    rig.script = lambda _spec: FakeRun(work=write_own_name)
    rig.start_emulator()
    if phase == "Running":
        assert [one.id for one in rig.machine.networks.values()] == network
        for host in HOSTS:
            rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.objects.keys("bkt") == [f"out/{host}" for host in HOSTS]
    assert rig.leftovers() == []
