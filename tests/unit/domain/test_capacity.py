"""The limits of an instance, and whether a job fits into the free capacity."""

from collections.abc import Sequence
from dataclasses import replace

from processing_emulator.domain.capacity import Ask, NodeCapacity, Shortage, Sizing, ask_of, place
from processing_emulator.domain.instance_types import GIB, catalogue
from processing_emulator.domain.job import Limits

NODE = NodeCapacity(vcpus=8, memory_bytes=32 * GIB, gpu_ids=(), container_cpus=8)


def _ask(vcpus: float = 2, memory_gib: int = 4, gpus: int = 0) -> Ask:
    return Ask(vcpus=vcpus, memory_bytes=memory_gib * GIB, gpus=gpus, volume_bytes=GIB)


def _placed(asks: Sequence[Ask], nodes: Sequence[NodeCapacity] = (NODE,), held: Sequence[Limits] = ()) -> list[Limits]:
    placed = place(asks, nodes, held)
    assert not isinstance(placed, Shortage)
    return list(placed)


def _shortage(asks: Sequence[Ask], nodes: Sequence[NodeCapacity] = (NODE,), held: Sequence[Limits] = ()) -> str:
    shortage = place(asks, nodes, held)
    assert isinstance(shortage, Shortage)
    return str(shortage)


def test_catalogue_has_all_207_instance_types() -> None:
    types = catalogue()
    assert len(types) == 207
    assert types["ml.c4.xlarge"].memory_bytes == int(7.5 * GIB)
    assert (types["ml.g5.12xlarge"].gpus, types["ml.g5.12xlarge"].gpu_model) == (4, "A10G")


def test_type_that_fits_gets_its_full_limits() -> None:
    (limits,) = _placed([ask_of(catalogue()["ml.m5.xlarge"], 30)])
    expected = Limits(
        node="local", vcpus=4, reserved_vcpus=4, memory_bytes=16 * GIB, volume_bytes=30 * GIB, capped=False
    )
    assert limits == expected


def test_larger_type_is_capped_to_the_node() -> None:
    (limits,) = _placed([ask_of(catalogue()["ml.m5.4xlarge"], 1)])
    assert (limits.vcpus, limits.memory_bytes, limits.capped) == (8, 32 * GIB, True)


def test_type_larger_than_the_node_is_refused_where_it_must_be_whole() -> None:
    ask = ask_of(catalogue()["ml.m5.4xlarge"], 1, Sizing(whole=True))

    assert _shortage([ask]) == "vCPU: 16 wanted, 8 free"


def test_scaled_type_gets_its_share_and_says_so() -> None:
    (limits,) = _placed([ask_of(catalogue()["ml.m5.4xlarge"], 1, Sizing(scale=0.25, whole=True))])

    assert (limits.vcpus, limits.memory_bytes, limits.capped) == (4, 16 * GIB, True)


def test_configured_capacity_above_the_real_cpus_limits_containers_to_the_real_cpus() -> None:
    node = replace(NODE, vcpus=64, container_cpus=2)
    (limits,) = _placed([ask_of(catalogue()["ml.m5.xlarge"], 1)], [node])
    assert (limits.vcpus, limits.reserved_vcpus, limits.capped) == (2, 4, True)


def test_gpus_are_never_capped() -> None:
    node = replace(NODE, gpu_ids=("a", "b"))
    assert _shortage([ask_of(catalogue()["ml.g5.12xlarge"], 1)], [replace(node, vcpus=64)]) == "GPU: 4 wanted, 2 free"
    assert [limits.gpu_ids for limits in _placed([_ask(gpus=1), _ask(gpus=1)], [node])] == [("a",), ("b",)]


def test_shortage_names_the_total_need_of_all_instances() -> None:
    node = replace(NODE, vcpus=3, memory_bytes=10 * GIB, gpu_ids=("g",))
    held = _placed([_ask(1, 2)], [node])
    assert _shortage([_ask(), _ask()], [node], held) == "vCPU: 3 wanted, 2 free"
    assert _shortage([_ask(1, 5), _ask(1, 5)], [node], held) == "memory: 10.00 GiB wanted, 8.00 GiB free"
    assert _shortage([_ask(1, 1, gpus=2)], [node]) == "GPU: 2 wanted, 1 free"


def test_a_hundred_instances_share_two_cpus_and_fill_them() -> None:
    node = replace(NODE, vcpus=2, container_cpus=2)
    placed = _placed([ask_of(catalogue()["ml.m5.xlarge"], 1)] * 100, [node])
    assert {(limits.vcpus, limits.memory_bytes, limits.capped) for limits in placed} == {(0.02, 32 * GIB // 100, True)}
    assert _shortage([_ask(0.01, 0)], [node], placed) == "vCPU: 0.01 wanted, 0 free"


def test_reservations_count_only_on_their_node() -> None:
    nodes = [replace(NODE, node="a", vcpus=4), replace(NODE, node="b", vcpus=4)]
    held = _placed([_ask(3)], nodes[:1])
    assert [limits.node for limits in _placed([_ask(), _ask(), _ask(1)], nodes, held)] == ["b", "b", "a"]


def test_gpus_of_one_instance_come_from_one_node() -> None:
    nodes = [replace(NODE, node="a", gpu_ids=("a0",)), replace(NODE, node="b", gpu_ids=("b0", "b1"))]
    (limits,) = _placed([_ask(gpus=2)], nodes)
    assert (limits.node, limits.gpu_ids) == ("b", ("b0", "b1"))


def test_an_instance_does_not_span_nodes() -> None:
    nodes = [replace(NODE, node="a"), replace(NODE, node="b")]
    held = _placed([_ask(6)], nodes[:1]) + _placed([_ask(5)], nodes[1:])
    assert _shortage([_ask(4)], nodes, held) == "vCPU: 4 wanted, 3 free"
