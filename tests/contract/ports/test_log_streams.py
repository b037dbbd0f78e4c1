"""What every LogStore does with groups and streams: the first output makes them, and they are listed and found."""

from functools import partial

import pytest

from processing_emulator.domain.job import JobFacts, JobId
from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES
from processing_emulator.domain.log_names import PROCESSING_JOBS_GROUP, LogGroupKey
from processing_emulator.domain.phase import JobPhase
from processing_emulator.ports import LogGroup, LogStream, StreamQuery
from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS, NOW, PortStores, add_instance, move_to, output_of, race
from tests.log_batches import a_batch

ACCOUNT, REGION = "000000000000", "us-east-1"
GROUP = LogGroupKey(ACCOUNT, REGION, PROCESSING_JOBS_GROUP)
SECOND = int(NOW.timestamp())


def printed(stores: PortStores, name: str, at_ms: int = 1000, *, indexes: int = 1) -> JobId:
    """A job whose instances have each printed a line."""
    job_id = add_instance(stores.jobs, name)
    stores.jobs.ensure_instances(job_id, [LIMITS] * indexes)
    for index in range(indexes):
        stores.logs.append_output(job_id, index, a_batch("x", at_ms=at_ms))
    return job_id


def names(stores: PortStores, *, prefix: str = "", by_time: bool = False, descending: bool = False) -> list[str]:
    """The names on all pages of three, without the second that every name ends with."""
    found: list[LogStream] = []
    after = None
    while True:
        query = StreamQuery(group=GROUP, limit=3, prefix=prefix, by_time=by_time, descending=descending, after=after)
        page = stores.logs.list_streams(query)
        found += page.streams
        after = page.last
        if after is None:
            return [stream.name.removesuffix(f"-{SECOND}") for stream in found]


def test_a_stream_shows_its_times_and_size(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs, "Job-1")
    stores.logs.append_output(job_id, 0, a_batch("a", "ä", at_ms=10, step_ms=5, ingested_at_ms=40))
    stores.logs.append_output(job_id, 0, a_batch("a\nb", at_ms=30, ingested_at_ms=50, after_lines=2))

    stream = stores.logs.output_stream(job_id, 0)

    assert stream is not None
    assert stream == LogStream(
        id=stream.id,
        name=f"Job-1/algo-1-{SECOND}",
        created_at_ms=10,
        first_event_at_ms=10,
        last_event_at_ms=30,
        last_ingested_at_ms=50,
        stored_bytes=6 + 3 * EVENT_OVERHEAD_BYTES,
        next_seq=3,
    )
    assert stores.logs.find_stream(GROUP, stream.name) == stream
    assert stores.logs.list_streams(StreamQuery(group=GROUP, limit=10)).streams == (stream,)


def test_the_first_stream_makes_the_group_of_its_account_and_region(stores: PortStores) -> None:
    printed(stores, "first", 70)
    printed(stores, "second", 60)

    size = 2 * (1 + EVENT_OVERHEAD_BYTES)
    assert stores.logs.list_groups(ACCOUNT, REGION) == [LogGroup(key=GROUP, created_at_ms=70, stored_bytes=size)]
    assert stores.logs.has_group(GROUP)


@pytest.mark.parametrize(
    "group",
    [
        GROUP._replace(account="111122223333"),
        GROUP._replace(region="eu-central-1"),
        GROUP._replace(name="/aws/sagemaker/TrainingJobs"),
        GROUP._replace(name=PROCESSING_JOBS_GROUP.upper()),
        GROUP._replace(name="\ud800"),
    ],
)
def test_another_group_has_no_streams(stores: PortStores, group: LogGroupKey) -> None:
    printed(stores, "job")

    assert not stores.logs.has_group(group)
    assert stores.logs.list_streams(StreamQuery(group=group, limit=5)).streams == ()
    assert stores.logs.find_stream(group, f"job/algo-1-{SECOND}") is None


def test_jobs_that_print_first_at_the_same_time_share_the_group(stores: PortStores) -> None:
    ids = [add_instance(stores.jobs, f"job-{number}") for number in range(6)]

    results = race([partial(stores.logs.append_output, job_id, 0, a_batch("x")) for job_id in ids])

    assert results == [None] * 6

    assert len(stores.logs.list_groups(ACCOUNT, REGION)) == 1
    assert len(names(stores)) == 6


def test_the_name_has_the_second_in_which_the_job_started(stores: PortStores) -> None:
    job = stores.jobs.add(a_key(), a_request(), {}, NOW)
    started = NOW.replace(second=59, microsecond=999_000)
    stores.jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, NOW, JobFacts(started_at=started))
    stores.jobs.ensure_instances(job.id, [LIMITS])
    stores.logs.append_output(job.id, 0, a_batch("x"))

    stream = stores.logs.output_stream(job.id, 0)

    assert stream is not None
    assert stream.name == f"job/algo-1-{int(started.timestamp())}"


def test_instance_that_has_not_printed_has_no_stream(stores: PortStores) -> None:
    add_instance(stores.jobs)

    assert not stores.logs.has_group(GROUP)
    assert stores.logs.list_groups(ACCOUNT, REGION) == []
    assert stores.logs.find_stream(GROUP, f"job/algo-1-{SECOND}") is None


def test_streams_are_ordered_by_their_whole_name(stores: PortStores) -> None:
    for name in ("b", "a-b", "a", "C", "a0"):
        printed(stores, name, indexes=11 if name == "b" else 1)

    ordered = names(stores)

    assert ordered[:4] == ["C/algo-1", "a-b/algo-1", "a/algo-1", "a0/algo-1"]
    assert ordered[4:7] == ["b/algo-1", "b/algo-10", "b/algo-11"]
    assert len(ordered) == 15
    assert names(stores, descending=True) == ordered[::-1]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("a", ["a-b/algo-1", "a/algo-1", "a0/algo-1"]),
        ("a/", ["a/algo-1"]),
        ("a/algo-1-", ["a/algo-1"]),
        ("a/algo-2", []),
        ("a_", []),
        ("%", []),
        ("\ud800", []),
        ("C", ["C/algo-1"]),
    ],
)
def test_a_prefix_filters(stores: PortStores, prefix: str, expected: list[str]) -> None:
    for name in ("b", "a-b", "a", "C", "a0"):
        printed(stores, name)

    assert names(stores, prefix=prefix) == expected


@pytest.mark.parametrize("descending", [False, True])
def test_streams_are_ordered_by_their_last_event_and_then_their_name(stores: PortStores, descending: bool) -> None:
    for name, at_ms in (("a", 50), ("d", 20), ("b", 20), ("c", 20), ("e", 70)):
        printed(stores, name, at_ms)

    expected = [f"{name}/algo-1" for name in "bcdae"]
    assert names(stores, by_time=True, descending=descending) == (expected[::-1] if descending else expected)


def test_streams_of_deleted_jobs_stay_and_the_next_job_of_that_name_has_another(stores: PortStores) -> None:
    deleted = printed(stores, "job", 10)
    move_to(stores.jobs, stores.jobs.get(deleted), JobPhase.COMPLETED)
    stores.jobs.delete(deleted, NOW)
    again = printed(stores, "job", 20)

    streams = stores.logs.list_streams(StreamQuery(group=GROUP, limit=5)).streams

    assert [stream.name for stream in streams] == [f"job/algo-1-{SECOND}", f"job/algo-1-{SECOND + 1}"]
    assert list(streams) == [stores.logs.output_stream(job_id, 0) for job_id in (deleted, again)]
    assert [event.at_ms for event in output_of(stores.logs, again)] == [20]


@pytest.mark.parametrize(
    ("prefix", "start_ms", "end_ms", "expected"),
    [
        ("", 0, None, "abc"),
        ("", 100, None, "bc"),
        ("", 101, 300, "b"),
        ("", 151, 300, ""),
        ("", 0, 100, "a"),
        ("b/", 0, None, "b"),
        ("B/", 0, None, ""),
        ("\ud800", 0, None, ""),
    ],
)
def test_streams_are_found_by_the_times_of_their_events(
    stores: PortStores, prefix: str, start_ms: int, end_ms: int | None, expected: str
) -> None:
    for name, at_ms in (("a", 50), ("b", 100), ("c", 300)):
        job_id = printed(stores, name, at_ms)
        if name == "b":
            stores.logs.append_output(job_id, 0, a_batch("y", at_ms=150, after_lines=1))

    found = stores.logs.streams_between(GROUP, prefix, start_ms, end_ms)

    assert "".join(sorted(stream.name[0] for stream in found)) == expected
    assert list(stores.logs.streams_between(GROUP._replace(region="x"), "", 0, None)) == []


def test_streams_are_found_by_when_they_got_an_event(stores: PortStores) -> None:
    for name, at_ms in (("a", 50), ("b", 100)):
        printed(stores, name, at_ms)

    for since, expected in ((0, "ab"), (51, "b"), (100, "b"), (101, "")):
        found = stores.logs.streams_ingested_since(GROUP, since)
        assert "".join(sorted(stream.name[0] for stream in found)) == expected
    assert list(stores.logs.streams_ingested_since(GROUP._replace(name="\ud800"), 0)) == []


@pytest.mark.parametrize(
    "name", ["", "job", "job/algo-1", "job/algo-2-{}", "JOB/algo-1-{}", "job/algo-01-{}", "\ud800"]
)
def test_another_name_is_another_stream(stores: PortStores, name: str) -> None:
    printed(stores, "job")

    assert stores.logs.find_stream(GROUP, name.format(SECOND)) is None


def test_no_limit_no_streams(stores: PortStores) -> None:
    printed(stores, "job")

    page = stores.logs.list_streams(StreamQuery(group=GROUP, limit=0))

    assert (page.streams, page.last) == ((), None)
