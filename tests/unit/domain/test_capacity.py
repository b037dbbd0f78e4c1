"""Asks, caps, limits, and what a gang has to wait for."""

from dataclasses import replace

from processing_emulator.domain.capacity import Ask, Free, HostCapacity, ask_for, limits_for, never_fits, short_of
from processing_emulator.domain.instances import GIB, catalogue

HOST = HostCapacity(vcpus=8, memory_bytes=32 * GIB, gpu_ids=(), container_cpus=8)


def _ask(vcpus: float = 2, memory: int = 4 * GIB, gpus: int = 0) -> Ask:
    return Ask(vcpus=vcpus, memory_bytes=memory, gpus=gpus, volume_bytes=GIB, capped=False)


def test_the_catalogue_has_all_207_types_with_their_facts() -> None:
    types = catalogue()
    assert len(types) == 207
    assert types["ml.c4.xlarge"].memory_bytes == int(7.5 * GIB)
    assert (types["ml.g5.12xlarge"].gpus, types["ml.g5.12xlarge"].gpu_model) == (4, "A10G")


def test_a_type_that_fits_gets_what_it_promises() -> None:
    ask = ask_for(catalogue()["ml.m5.xlarge"], 30, HOST)
    assert ask == Ask(vcpus=4, memory_bytes=16 * GIB, gpus=0, volume_bytes=30 * GIB, capped=False)


def test_a_larger_type_is_capped_to_the_host_and_says_so() -> None:
    ask = ask_for(catalogue()["ml.m5.4xlarge"], 1, HOST)
    assert (ask.vcpus, ask.memory_bytes, ask.capped) == (8, 32 * GIB, True)


def test_configured_capacity_beyond_the_real_cpus_reserves_more_than_it_limits() -> None:
    host = replace(HOST, vcpus=64, container_cpus=2)
    limits = limits_for(ask_for(catalogue()["ml.m5.xlarge"], 1, host), (), host)
    assert (limits.vcpus, limits.reserved_vcpus, limits.capped) == (2, 4, True)


def test_gpus_are_never_capped() -> None:
    reason = never_fits(catalogue()["ml.g5.12xlarge"], 2, replace(HOST, gpu_ids=("a", "b")))
    assert reason == "2 x ml.g5.12xlarge needs 8 GPU; this host has 2"
    assert never_fits(catalogue()["ml.g5.xlarge"], 2, replace(HOST, gpu_ids=("a", "b"))) is None


def test_a_shortage_names_what_is_short() -> None:
    free = Free(vcpus=3, memory_bytes=10 * GIB, gpu_ids=("g",))
    assert short_of([_ask()], free) is None
    assert short_of([_ask(), _ask()], free) == "vCPU: 4 wanted, 3 free"
    assert short_of([_ask(1, 8 * GIB), _ask(1, 8 * GIB)], free) == "memory: 16.00 GiB wanted, 10.00 GiB free"
    assert short_of([_ask(1, GIB, gpus=2)], free) == "GPU: 2 wanted, 1 free"
