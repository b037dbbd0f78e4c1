"""The capacity ledger."""

import threading

import pytest
from processing_emulator.domain.capacity import Ask, HostCapacity
from processing_emulator.domain.instances import GIB
from processing_emulator.domain.job import JobId, Limits
from processing_emulator.engine.ledger import CapacityLedger

HOST = HostCapacity(vcpus=4, memory_bytes=16 * GIB, gpu_ids=("g0", "g1", "g2"), container_cpus=4)


def _ask(vcpus: float = 2, memory_gib: int = 4, gpus: int = 0) -> Ask:
    return Ask(vcpus=vcpus, memory_bytes=memory_gib * GIB, gpus=gpus, volume_bytes=GIB, capped=False)


def test_reserving_twice_for_one_job_holds_once() -> None:
    ledger = CapacityLedger()
    first = ledger.reserve(JobId(1), [_ask()], HOST)
    assert ledger.reserve(JobId(1), [_ask()], HOST) == first
    assert ledger.free(HOST).vcpus == 2


def test_a_gang_is_reserved_all_or_none() -> None:
    ledger = CapacityLedger()
    assert ledger.reserve(JobId(1), [_ask(), _ask(), _ask()], HOST) == "vCPU: 6 wanted, 4 free"
    assert ledger.free(HOST).vcpus == 4


def test_gpus_are_held_by_id_and_never_shared() -> None:
    ledger = CapacityLedger()
    first = ledger.reserve(JobId(1), [_ask(1, 1, 1), _ask(1, 1, 1)], HOST)
    second = ledger.reserve(JobId(2), [_ask(1, 1, 1)], HOST)
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    assert [limits.gpu_ids for limits in (*first, *second)] == [("g0",), ("g1",), ("g2",)]
    assert ledger.reserve(JobId(3), [_ask(0.5, 1, 1)], HOST) == "GPU: 1 wanted, 0 free"
    ledger.release(JobId(1))
    again = ledger.reserve(JobId(3), [_ask(1, 1, 2)], HOST)
    assert not isinstance(again, str)
    assert again[0].gpu_ids == ("g0", "g1")


def test_what_a_job_of_an_earlier_life_holds_counts_even_beyond_the_capacity() -> None:
    ledger = CapacityLedger()
    held = Limits(vcpus=4, reserved_vcpus=6, memory_bytes=GIB, gpu_ids=("g1",), volume_bytes=GIB)
    ledger.restore(JobId(1), [held])
    assert ledger.free(HOST).gpu_ids == ("g0", "g2")
    assert ledger.reserve(JobId(2), [_ask()], HOST) == "vCPU: 2 wanted, -2 free"
    ledger.release(JobId(1))
    ledger.release(JobId(1))
    assert not isinstance(ledger.reserve(JobId(2), [_ask()], HOST), str)


def test_threads_never_hold_more_than_there_is() -> None:
    ledger = CapacityLedger()
    start = threading.Barrier(8)
    held: list[int] = []

    def contend(number: int) -> None:
        start.wait()
        if not isinstance(ledger.reserve(JobId(number), [_ask()], HOST), str):
            held.append(number)

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 2
    assert ledger.free(HOST).vcpus == pytest.approx(0)
