"""The capacity ledger."""

import threading

from processing_emulator.domain.capacity import Ask, NodeCapacity, Shortage
from processing_emulator.domain.instance_types import GIB
from processing_emulator.domain.job import JobId, Limits
from processing_emulator.engine.ledger import CapacityLedger

NODES = [NodeCapacity(vcpus=4, memory_bytes=16 * GIB, gpu_ids=("g0", "g1", "g2"), container_cpus=4)]


def _ask(vcpus: float = 2, memory_gib: int = 4, gpus: int = 0) -> Ask:
    return Ask(vcpus=vcpus, memory_bytes=memory_gib * GIB, gpus=gpus, volume_bytes=GIB)


def _reserve(ledger: CapacityLedger, job: int, *asks: Ask) -> tuple[Limits, ...] | str:
    answer = ledger.reserve(JobId(job), asks, NODES)
    return str(answer) if isinstance(answer, Shortage) else answer


def _gpus(answer: tuple[Limits, ...] | str) -> list[tuple[str, ...]]:
    assert not isinstance(answer, str)
    return [limits.gpu_ids for limits in answer]


def test_reserving_twice_for_one_job_holds_once() -> None:
    ledger = CapacityLedger()
    first = _reserve(ledger, 1, _ask())
    assert _reserve(ledger, 1, _ask()) == first
    assert _reserve(ledger, 2, _ask(3)) == "vCPU: 3 wanted, 2 free"


def test_the_instances_of_a_job_are_reserved_all_or_none() -> None:
    ledger = CapacityLedger()
    _reserve(ledger, 1, _ask(1))
    assert _reserve(ledger, 2, _ask(), _ask()) == "vCPU: 4 wanted, 3 free"
    assert not isinstance(_reserve(ledger, 3, _ask(3)), str)


def test_gpus_are_held_by_id_and_never_shared() -> None:
    ledger = CapacityLedger()
    assert _gpus(_reserve(ledger, 1, _ask(1, 1, 1), _ask(1, 1, 1))) == [("g0",), ("g1",)]
    assert _gpus(_reserve(ledger, 2, _ask(1, 1, 1))) == [("g2",)]
    assert _reserve(ledger, 3, _ask(0.5, 1, 1)) == "GPU: 1 wanted, 0 free"
    ledger.release(JobId(1))
    assert _gpus(_reserve(ledger, 3, _ask(1, 1, 2))) == [("g0", "g1")]


def test_what_a_job_of_an_earlier_run_holds_counts_even_beyond_the_capacity() -> None:
    ledger = CapacityLedger()
    held = Limits(vcpus=4, reserved_vcpus=6, memory_bytes=GIB, gpu_ids=("g1",), volume_bytes=GIB)
    ledger.restore(JobId(1), [held])
    assert _reserve(ledger, 2, _ask()) == "vCPU: 2 wanted, -2 free"
    ledger.release(JobId(1))
    ledger.release(JobId(1))
    assert not isinstance(_reserve(ledger, 2, _ask()), str)


def test_threads_never_hold_more_than_there_is() -> None:
    ledger = CapacityLedger()
    start = threading.Barrier(8)
    held: list[int] = []

    def contend(number: int) -> None:
        start.wait()
        if not isinstance(_reserve(ledger, number, _ask()), str):
            held.append(number)

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 2
    assert _reserve(ledger, 9, _ask(0.1)) == "vCPU: 0.1 wanted, 0 free"
