"""Which objects more than one host has written."""

from processing_emulator.engine.instance import ObjectsUploaded
from processing_emulator.engine.shared_outputs import MOST_EXAMPLES, MOST_OBJECTS, SharedOutputs

HOSTS = ("algo-1", "algo-2", "algo-3")


def uploaded(index: int, *names: object) -> ObjectsUploaded:
    return ObjectsUploaded(index=index, uris=tuple(f"s3://bkt/out/{name}" for name in names))


def test_a_host_may_write_its_own_objects_again() -> None:
    shared = SharedOutputs(HOSTS)
    assert shared.add(uploaded(0, "a", "b")) == shared.add(uploaded(0, "a")) == []
    assert shared.total() == []


def test_each_host_is_told_of_once_and_the_number_at_the_end() -> None:
    shared = SharedOutputs(HOSTS)
    assert shared.add(uploaded(0, *range(30))) == []
    ((action, first),) = shared.add(uploaded(2, 5, "own"))
    assert (action, first) == (
        "outputs_overwritten",
        {"hosts": ["algo-1", "algo-3"], "objects": 1, "examples": ["s3://bkt/out/5"]},
    )
    assert shared.add(uploaded(2, *range(20))) == []
    ((_, second),) = shared.add(uploaded(1, 0))
    assert (second["hosts"], second["objects"]) == (["algo-1", "algo-2", "algo-3"], 20)
    assert shared.add(uploaded(1, *range(25))) == []
    ((_, total),) = shared.total()
    assert (total["objects"], len(total["examples"])) == (25, MOST_EXAMPLES)  # type: ignore[arg-type]


def test_more_objects_than_are_compared_are_told_once() -> None:
    shared = SharedOutputs(HOSTS)
    assert shared.add(uploaded(0, *range(MOST_OBJECTS))) == []
    assert shared.add(uploaded(0, "more")) == [("outputs_not_compared", {"compared": MOST_OBJECTS})]
    assert [action for action, _ in shared.add(uploaded(1, "more", 7))] == ["outputs_overwritten"]
    assert shared.total() == []
