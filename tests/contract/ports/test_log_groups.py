"""What every LogStore does for clients that write: groups, streams, events in any order, retention, tags."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, LogEvent
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import LogExists, LogNotFound, TooManyTags
from processing_emulator.ports import LogGroup, LogStore, LogStream, StreamQuery
from processing_emulator.ports.logs import Tags
from tests.contract.ports.stores import PortStores, add_instance, output_of, race
from tests.contract.ports.test_log_streams import GROUP as JOBS_GROUP
from tests.contract.ports.test_log_streams import printed
from tests.log_batches import a_batch

GROUP = LogGroupKey("000000000000", "us-east-1", "/app/one")
MANY = 2**40


def a_stream(logs: LogStore, name: str = "s", group: LogGroupKey = GROUP) -> LogStream:
    """A stream without events, in a group that is made if there is none."""
    if not logs.has_group(group):
        logs.create_group(group, 5, tags={})
    logs.create_stream(group, name, 10)
    return described(logs, name, group)


def described(logs: LogStore, name: str = "s", group: LogGroupKey = GROUP) -> LogStream:
    stream = logs.find_stream(group, name)
    assert stream is not None
    return stream


def put(logs: LogStore, *times: int, text: str = "", name: str = "s", ingested_at_ms: int = 1) -> None:
    events = [LogEvent(at_ms, f"{text}{at_ms}") for at_ms in times]
    logs.put_events(GROUP, name, events, ingested_at_ms)


def messages(logs: LogStore, name: str = "s") -> list[str]:
    stream = described(logs, name)
    events = logs.read(stream.id, 0, forward=True, limit=MANY, most_bytes=MANY)
    backward = logs.read(stream.id, stream.next_seq, forward=False, limit=MANY, most_bytes=MANY)
    assert list(events) == list(backward)
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)
    return [event.message for event in events]


def test_a_created_group_is_listed_with_its_class_and_tags(stores: PortStores) -> None:
    logs = stores.logs
    logs.create_group(GROUP, 7, log_class="INFREQUENT_ACCESS", tags={"a": "b"})
    logs.create_group(GROUP._replace(region="eu-west-1"), 8, tags={})

    assert logs.list_groups("000000000000", "us-east-1") == [
        LogGroup(key=GROUP, created_at_ms=7, stored_bytes=0, log_class="INFREQUENT_ACCESS")
    ]
    assert logs.tags(GROUP) == {"a": "b"}
    with pytest.raises(LogExists, match="log group already exists"):
        logs.create_group(GROUP, 9, tags={})
    assert logs.tags(GROUP) == {"a": "b"}


def test_of_several_creators_one_wins(stores: PortStores) -> None:
    results = race([partial(stores.logs.create_group, GROUP, 1, tags={}) for _ in range(4)])

    assert sorted(map(str, results)) == ["None", *["The specified log group already exists"] * 3]


def test_a_created_stream_is_empty(stores: PortStores) -> None:
    stream = a_stream(stores.logs)

    assert (stream.created_at_ms, stream.next_seq, stream.stored_bytes) == (10, 0, 0)
    assert stores.logs.list_streams(StreamQuery(group=GROUP, limit=5)).streams == (stream,)
    assert stores.logs.read(stream.id, 0, forward=True, limit=5, most_bytes=MANY) == []
    assert list(stores.logs.streams_between(GROUP, "", 0, None)) == []
    with pytest.raises(LogExists, match="log stream already exists"):
        stores.logs.create_stream(GROUP, "s", 11)


@pytest.mark.parametrize(
    "call",
    [
        lambda logs: logs.create_stream(GROUP, "s", 1),
        lambda logs: logs.delete_group(GROUP),
        lambda logs: logs.delete_stream(GROUP, "s"),
        lambda logs: logs.put_events(GROUP, "s", [LogEvent(1, "x")], 1),
        lambda logs: logs.set_retention(GROUP, 1),
        lambda logs: logs.tags(GROUP),
        lambda logs: logs.edit_tags(GROUP, dict),
    ],
)
def test_nothing_works_on_a_group_that_is_not_there(stores: PortStores, call: Callable[[LogStore], object]) -> None:
    with pytest.raises(LogNotFound, match="log group does not exist"):
        call(stores.logs)
    assert stores.logs.list_groups("000000000000", "us-east-1") == []


def test_a_stream_that_is_not_there_takes_no_events(stores: PortStores) -> None:
    a_stream(stores.logs)

    with pytest.raises(LogNotFound, match="log stream does not exist"):
        put(stores.logs, 1, name="other")
    with pytest.raises(LogNotFound, match="log stream does not exist"):
        stores.logs.delete_stream(GROUP, "other")


def test_events_are_kept_by_time_and_those_of_one_time_by_arrival(stores: PortStores) -> None:
    logs = stores.logs
    a_stream(logs)
    put(logs, 20, 30, 30, text="a", ingested_at_ms=100)
    put(logs, 10, 30, 40, text="b", ingested_at_ms=90)
    put(logs, 5, text="c", ingested_at_ms=110)

    assert messages(logs) == ["c5", "b10", "a20", "a30", "a30", "b30", "b40"]
    stream = described(logs)
    assert (stream.first_event_at_ms, stream.last_event_at_ms, stream.last_ingested_at_ms) == (5, 40, 110)
    assert (stream.next_seq, stream.stored_bytes) == (7, 20 + 7 * EVENT_OVERHEAD_BYTES)
    assert [logs.find_time(stream.id, at_ms) for at_ms in (0, 6, 30, 31, 41)] == [0, 1, 3, 6, None]


TIMES = st.lists(st.integers(0, 30), min_size=1, max_size=6).map(sorted)


def test_any_order_of_batches_gives_the_events_by_time(stores: PortStores) -> None:
    numbers = count()

    @settings(max_examples=40, deadline=None)
    @given(steps=st.lists(TIMES | st.integers(0, 30), max_size=12), size=st.sampled_from([1, 30_000]))
    def check(steps: Sequence[list[int] | int], size: int) -> None:
        name = f"s{next(numbers)}"
        a_stream(stores.logs, name)
        expected: list[tuple[int, str]] = []
        for number, step in enumerate(steps):
            if isinstance(step, int):
                stores.logs.delete_events_before(GROUP, step)
                expected = [event for event in expected if event[0] >= step]
            else:
                batch = [LogEvent(at_ms, f"{number} {nth}".ljust(size)) for nth, at_ms in enumerate(step)]
                stores.logs.put_events(GROUP, name, batch, number)
                expected = sorted([*expected, *batch], key=lambda event: event[0])
        assert messages(stores.logs, name) == [message for _, message in expected]
        stored = sum(len(message) + EVENT_OVERHEAD_BYTES for _, message in expected)
        assert described(stores.logs, name).stored_bytes == stored

    check()


def test_many_writers_of_one_stream_lose_nothing(stores: PortStores) -> None:
    a_stream(stores.logs)

    def write(writer: int) -> None:
        for round_ in range(10):
            put(stores.logs, 100 * round_ + writer, 100 * round_ + 50)

    assert race([partial(write, writer) for writer in range(4)]) == [None] * 4
    assert len(messages(stores.logs)) == 80


def test_a_client_may_write_into_the_stream_of_a_job_that_prints(stores: PortStores) -> None:
    job_id = printed(stores, "job", 1000)
    stream = stores.logs.output_stream(job_id, 0)
    assert stream is not None

    stores.logs.put_events(JOBS_GROUP, stream.name, [LogEvent(500, "early"), LogEvent(5000, "late")], 1)
    stores.logs.append_output(job_id, 0, a_batch("y", at_ms=2000, after_lines=1))

    assert [event.message for event in output_of(stores.logs, job_id)] == ["early", "x", "y", "late"]


def test_a_deleted_group_is_gone_with_all_it_had(stores: PortStores) -> None:
    logs = stores.logs
    stream = a_stream(logs)
    a_stream(logs, "other", GROUP._replace(name="/app/two"))
    put(logs, 1, 2)

    logs.delete_group(GROUP)

    assert not logs.has_group(GROUP)
    assert logs.read(stream.id, 0, forward=True, limit=5, most_bytes=MANY) == []
    assert [group.key.name for group in logs.list_groups("000000000000", "us-east-1")] == ["/app/two"]
    assert a_stream(logs).id != stream.id


@pytest.mark.parametrize("whole_group", [True, False])
def test_a_job_that_prints_on_makes_its_deleted_stream_again(stores: PortStores, whole_group: bool) -> None:
    job_id = printed(stores, "job", 1000)
    before = stores.logs.output_stream(job_id, 0)
    assert before is not None

    if whole_group:
        stores.logs.delete_group(JOBS_GROUP)
    else:
        stores.logs.delete_stream(JOBS_GROUP, before.name)
    assert stores.logs.output_stream(job_id, 0) is None
    stores.logs.append_output(job_id, 0, a_batch("y", at_ms=2000, after_lines=1))

    after = stores.logs.output_stream(job_id, 0)
    assert after is not None
    assert (after.name, after.next_seq, after.id != before.id) == (before.name, 1, True)
    assert [event.message for event in output_of(stores.logs, job_id)] == ["y"]


def test_retention_is_kept_with_the_group(stores: PortStores) -> None:
    a_stream(stores.logs)
    assert stores.logs.retentions() == {}

    stores.logs.set_retention(GROUP, 14)
    assert stores.logs.retentions() == {GROUP: 14}
    assert stores.logs.retention_days(GROUP) == 14
    assert stores.logs.retention_days(GROUP._replace(name="/other")) is None
    assert stores.logs.list_groups("000000000000", "us-east-1")[0].retention_days == 14

    stores.logs.set_retention(GROUP, None)
    assert stores.logs.retentions() == {}


def test_old_events_are_deleted_and_numbers_stay(stores: PortStores) -> None:
    logs = stores.logs
    a_stream(logs)
    a_stream(logs, "young")
    put(logs, 10, 20, 30)
    put(logs, 30, name="young")

    deleted = logs.delete_events_before(GROUP, 20)

    assert deleted == 2 + EVENT_OVERHEAD_BYTES
    stream = described(logs)
    events = logs.read(stream.id, 0, forward=True, limit=5, most_bytes=MANY)
    assert [(event.seq, event.at_ms) for event in events] == [(1, 20), (2, 30)]
    assert (stream.first_event_at_ms, stream.next_seq) == (20, 3)
    assert logs.delete_events_before(GROUP, 20) == 0
    assert logs.delete_events_before(GROUP, 99) == 3 * (2 + EVENT_OVERHEAD_BYTES)
    assert described(logs).next_seq == 3
    assert messages(logs) == []
    put(logs, 5)
    assert messages(logs) == ["5"]
    assert logs.delete_events_before(GROUP._replace(name="/other"), 99) == 0


def test_old_events_of_clients_are_deleted_in_all_groups(stores: PortStores) -> None:
    logs = stores.logs
    assert logs.first_put_at_ms() is None
    job_id = add_instance(stores.jobs)
    logs.append_output(job_id, 0, a_batch("x", at_ms=5))
    a_stream(logs)
    put(logs, 10, 20)
    assert logs.first_put_at_ms() == 10

    assert logs.delete_put_events_before(20) == 2 + EVENT_OVERHEAD_BYTES
    assert (logs.first_put_at_ms(), messages(logs)) == (20, ["20"])
    assert [event.message for event in output_of(logs, job_id)] == ["x"]


def test_tags_are_edited_whole_or_not_at_all(stores: PortStores) -> None:
    stores.logs.create_group(GROUP, 1, tags={"a": "1", "b": "2"})

    stores.logs.edit_tags(GROUP, lambda tags: {**tags, "b": "3"})
    assert stores.logs.tags(GROUP) == {"a": "1", "b": "3"}

    def refuse(_tags: Tags) -> Tags:
        raise TooManyTags

    with pytest.raises(TooManyTags):
        stores.logs.edit_tags(GROUP, refuse)
    assert stores.logs.tags(GROUP) == {"a": "1", "b": "3"}


def test_jobs_and_clients_share_the_group_of_jobs(stores: PortStores) -> None:
    stores.logs.create_group(JOBS_GROUP, 3, tags={"team": "ml"})
    job_id = add_instance(stores.jobs)
    stores.logs.append_output(job_id, 0, a_batch("x", at_ms=70))

    assert [group.created_at_ms for group in stores.logs.list_groups("000000000000", "us-east-1")] == [3]
    assert stores.logs.tags(JOBS_GROUP) == {"team": "ml"}
