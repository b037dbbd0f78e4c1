"""Which objects of an input each instance gets (spec 3.3)."""

from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.sharding import share_of
from processing_emulator.domain.spec import Distribution
from processing_emulator.domain.staging import DownloadPlan, StoredObject, plan_download

KEYS = st.sets(st.text("abé😀\uffff.", min_size=1, max_size=6).filter(lambda name: name.strip(".")), max_size=30)


def _plan(*keys: str) -> DownloadPlan:
    return plan_download([StoredObject(bucket="b", key=f"in/{key}", size_bytes=1) for key in keys], "in/")


def _shards(plan: DownloadPlan, instances: int) -> list[DownloadPlan]:
    return [share_of(plan, Distribution.SHARDED_BY_S3_KEY, index, instances) for index in range(instances)]


def _paths(plan: DownloadPlan) -> list[str]:
    return [file.path for file in plan.files]


@given(KEYS, st.integers(min_value=1, max_value=7))
def test_every_object_is_on_exactly_one_instance_and_shards_are_balanced(keys: set[str], instances: int) -> None:
    shards = _shards(_plan(*keys), instances)

    assert sorted(path for shard in shards for path in _paths(shard)) == sorted(keys)
    sizes = [len(shard.files) for shard in shards]
    assert max(sizes) - min(sizes) <= 1


@given(KEYS, st.integers(min_value=1, max_value=7), st.randoms())
def test_shards_do_not_depend_on_the_order_of_the_listing(keys: set[str], instances: int, random: object) -> None:
    shuffled = list(keys)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert _shards(_plan(*shuffled), instances) == _shards(_plan(*sorted(keys)), instances)


def test_objects_are_dealt_out_in_the_utf_8_order_of_their_keys() -> None:
    # In UTF-16, the order of Java's strings, the last two would change places.
    assert [_paths(shard) for shard in _shards(_plan("c", "😀", "a", "\uffff", "b"), 3)] == [
        ["a", "\uffff"],
        ["b", "😀"],
        ["c"],
    ]


def test_every_instance_gets_everything_of_a_replicated_input() -> None:
    plan = _plan("a", "b", "empty/")

    assert share_of(plan, Distribution.FULLY_REPLICATED, 1, 3) == plan


def test_a_shard_has_only_the_folders_of_its_own_objects_and_those_of_markers() -> None:
    shards = _shards(_plan("a/deep/1", "b/2", "marked/inner/"), 3)

    assert [shard.folders for shard in shards] == [
        ("a", "a/deep", "marked", "marked/inner"),
        ("b", "marked", "marked/inner"),
        ("marked", "marked/inner"),
    ]
