"""What an instance needs, what it gets, and what a job has to wait for."""

from collections.abc import Sequence
from dataclasses import replace

from processing_emulator.domain.capacity import Ask, NodeCapacity, Shortage, ask_of, place
from processing_emulator.domain.instances import GIB, catalogue
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


def test_the_catalogue_has_all_207_types_with_their_facts() -> None:
    types = catalogue()
    assert len(types) == 207
    assert types["ml.c4.xlarge"].memory_bytes == int(7.5 * GIB)
    assert (types["ml.g5.12xlarge"].gpus, types["ml.g5.12xlarge"].gpu_model) == (4, "A10G")


def test_a_type_that_fits_gets_what_it_promises() -> None:
    (limits,) = _placed([ask_of(catalogue()["ml.m5.xlarge"], 30)])
    expected = Limits(
        node="local", vcpus=4, reserved_vcpus=4, memory_bytes=16 * GIB, volume_bytes=30 * GIB, capped=False
    )
    assert limits == expected


def test_a_larger_type_is_capped_to_the_node_and_marked() -> None:
    (limits,) = _placed([ask_of(catalogue()["ml.m5.4xlarge"], 1)])
    assert (limits.vcpus, limits.memory_bytes, limits.capped) == (8, 32 * GIB, True)


def test_configured_capacity_beyond_the_real_cpus_reserves_more_than_it_limits() -> None:
    node = replace(NODE, vcpus=64, container_cpus=2)
    (limits,) = _placed([ask_of(catalogue()["ml.m5.xlarge"], 1)], [node])
    assert (limits.vcpus, limits.reserved_vcpus, limits.capped) == (2, 4, True)


def test_gpus_are_never_capped() -> None:
    node = replace(NODE, gpu_ids=("a", "b"))
    assert _shortage([ask_of(catalogue()["ml.g5.12xlarge"], 1)], [replace(node, vcpus=64)]) == "GPU: 4 wanted, 2 free"
    assert [limits.gpu_ids for limits in _placed([_ask(gpus=1), _ask(gpus=1)], [node])] == [("a",), ("b",)]


def test_a_shortage_names_what_all_instances_together_lack() -> None:
    node = replace(NODE, vcpus=3, memory_bytes=10 * GIB, gpu_ids=("g",))
    assert _shortage([_ask(), _ask()], [node]) == "vCPU: 4 wanted, 3 free"
    assert _shortage([_ask(1, 8), _ask(1, 8)], [node]) == "memory: 16.00 GiB wanted, 10.00 GiB free"
    assert _shortage([_ask(1, 1, gpus=2)], [node]) == "GPU: 2 wanted, 1 free"


def test_what_is_held_counts_on_its_own_node_only() -> None:
    nodes = [replace(NODE, node="a", vcpus=4), replace(NODE, node="b", vcpus=4)]
    held = _placed([_ask(3)], nodes[:1])
    assert [limits.node for limits in _placed([_ask(), _ask(), _ask(1)], nodes, held)] == ["b", "b", "a"]


def test_gpus_of_one_instance_come_from_one_node() -> None:
    nodes = [replace(NODE, node="a", gpu_ids=("a0",)), replace(NODE, node="b", gpu_ids=("b0", "b1"))]
    (limits,) = _placed([_ask(gpus=2)], nodes)
    assert (limits.node, limits.gpu_ids) == ("b", ("b0", "b1"))


def test_room_that_is_spread_over_nodes_is_no_room_for_one_instance() -> None:
    nodes = [replace(NODE, node="a"), replace(NODE, node="b")]
    held = _placed([_ask(6)], nodes[:1]) + _placed([_ask(5)], nodes[1:])
    assert _shortage([_ask(4)], nodes, held) == "vCPU: 4 wanted, 3 free"
