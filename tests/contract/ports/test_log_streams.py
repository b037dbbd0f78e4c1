"""What every LogStore does beside keeping lines: looking up moments, and listing what has printed as streams."""

import pytest
from processing_emulator.domain.job import JobFacts, JobId, LogCursor
from processing_emulator.domain.phase import JobPhase
from processing_emulator.ports import LogStream, RawLine, StreamQuery

from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS, NOW, PortStores, add_instance, move_to

ACCOUNT, REGION = "000000000000", "us-east-1"
SECOND = int(NOW.timestamp())
QUERY = StreamQuery(account=ACCOUNT, region=REGION, limit=10)


def append(stores: PortStores, job_id: JobId, *stamps_ms: int, index: int = 0, seq: int = 0, size: int = 1) -> None:
    lines = [RawLine(at_ns=stamp * 1_000_000 + 999_999, data=b"x" * size) for stamp in stamps_ms]
    stores.logs.append(job_id, index, lines, LogCursor(next_seq=seq + len(lines)))


def printed(stores: PortStores, name: str, at_ms: int = 1000, *, indexes: int = 1) -> JobId:
    """A job whose instances have each printed a line."""
    job_id = add_instance(stores.jobs, name)
    for index in range(indexes):
        stores.jobs.ensure_instance(job_id, index, LIMITS)
        append(stores, job_id, at_ms, index=index)
    return job_id


def names(stores: PortStores, query: StreamQuery) -> list[str]:
    """The names on all pages of three, without what every name ends with."""
    found: list[LogStream] = []
    after = None
    while True:
        page = stores.logs.list_streams(
            StreamQuery(
                account=query.account,
                region=query.region,
                limit=3,
                prefix=query.prefix,
                by_time=query.by_time,
                descending=query.descending,
                after=after,
            )
        )
        found += page.streams
        after = page.last
        if after is None:
            return [stream.name.removesuffix(f"-{SECOND}") for stream in found]


@pytest.mark.parametrize("size", [1, 9000])
def test_the_first_line_of_a_moment_is_found(stores: PortStores, size: int) -> None:
    job_id = add_instance(stores.jobs)
    stamps = [100, 100, 105, 103, *range(110, 130)]
    for seq, stamp in enumerate(stamps):
        append(stores, job_id, stamp, seq=seq, size=size)

    found = {at_ms: stores.logs.find_since(job_id, 0, at_ms) for at_ms in (0, 100, 101, 104, 105, 106, 129, 130)}

    assert found == {0: 0, 100: 0, 101: 2, 104: 2, 105: 2, 106: 4, 129: len(stamps) - 1, 130: None}


@pytest.mark.parametrize("size", [1, 9000])
def test_the_latest_stamp_before_a_line(stores: PortStores, size: int) -> None:
    job_id = add_instance(stores.jobs)
    stamps = [100, 90, 105, 103, *range(110, 130)]
    append(stores, job_id, *stamps, size=size)

    found = [stores.logs.latest_before(job_id, 0, seq) for seq in range(len(stamps) + 2)]

    assert found == [0, 100, 100, 105, 105, *range(110, 130), 129]
    assert stores.logs.latest_before(job_id, 0, -1) == 0
    assert stores.logs.latest_before(JobId(4711), 0, 5) == 0
    assert stores.logs.find_since(JobId(4711), 0, 0) is None


def test_a_stream_tells_its_lines_and_moments(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs, "Job-1")
    append(stores, job_id, 30, 10, 20)

    expected = LogStream(
        job_id=job_id,
        index=0,
        name=f"Job-1/algo-1-{SECOND}",
        lines=3,
        first_at_ms=10,
        last_at_ms=30,
        ended=False,
    )
    assert stores.logs.find_stream(ACCOUNT, REGION, expected.name) == expected
    assert stores.logs.list_streams(QUERY).streams == (expected,)
    assert stores.logs.first_stream(ACCOUNT, REGION) == expected


def test_the_name_has_the_second_in_which_the_job_started(stores: PortStores) -> None:
    job = stores.jobs.add(a_key(), a_request(), {}, NOW)
    started = NOW.replace(second=59, microsecond=999_000)
    stores.jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, NOW, JobFacts(started_at=started))
    stores.jobs.ensure_instance(job.id, 0, LIMITS)
    append(stores, job.id, 1)

    stream = stores.logs.first_stream(ACCOUNT, REGION)

    assert stream is not None
    assert stream.name == f"job/algo-1-{int(started.timestamp())}"


def test_what_has_not_printed_is_no_stream(stores: PortStores) -> None:
    add_instance(stores.jobs)

    assert stores.logs.list_streams(QUERY).streams == ()
    assert stores.logs.first_stream(ACCOUNT, REGION) is None
    assert stores.logs.find_stream(ACCOUNT, REGION, f"job/algo-1-{SECOND}") is None


def test_streams_are_ordered_by_their_whole_name(stores: PortStores) -> None:
    for name in ("b", "a-b", "a", "C", "a0"):
        printed(stores, name, indexes=11 if name == "b" else 1)

    ordered = names(stores, QUERY)

    assert ordered[:4] == ["C/algo-1", "a-b/algo-1", "a/algo-1", "a0/algo-1"]
    assert ordered[4:7] == ["b/algo-1", "b/algo-10", "b/algo-11"]
    assert len(ordered) == 15
    assert names(stores, StreamQuery(account=ACCOUNT, region=REGION, limit=3, descending=True)) == ordered[::-1]


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

    assert names(stores, StreamQuery(account=ACCOUNT, region=REGION, limit=3, prefix=prefix)) == expected


@pytest.mark.parametrize("descending", [False, True])
def test_streams_are_ordered_by_their_latest_line_and_then_their_name(stores: PortStores, descending: bool) -> None:
    for name, at_ms in (("a", 50), ("d", 20), ("b", 20), ("c", 20), ("e", 70)):
        printed(stores, name, at_ms)

    ordered = names(stores, StreamQuery(account=ACCOUNT, region=REGION, limit=3, by_time=True, descending=descending))

    expected = [f"{name}/algo-1" for name in "bcdae"]
    assert ordered == (expected[::-1] if descending else expected)


def test_streams_of_deleted_jobs_stay(stores: PortStores) -> None:
    job_id = printed(stores, "job")
    move_to(stores.jobs, stores.jobs.get(job_id), JobPhase.COMPLETED)
    stores.jobs.delete(job_id, NOW)

    [stream] = stores.logs.list_streams(QUERY).streams

    assert stream.ended
    assert stores.logs.find_stream(ACCOUNT, REGION, stream.name) == stream
    again = printed(stores, "job")
    assert len(stores.logs.list_streams(QUERY).streams) == 2
    found = stores.logs.find_stream(ACCOUNT, REGION, stream.name)
    assert found is not None
    assert found.job_id == again


@pytest.mark.parametrize(
    "name", ["", "job", "job/algo-1", "job/algo-2-{}", "JOB/algo-1-{}", "job/algo-01-{}", "\ud800"]
)
def test_another_name_is_another_stream(stores: PortStores, name: str) -> None:
    printed(stores, "job")

    assert stores.logs.find_stream(ACCOUNT, REGION, name.format(SECOND)) is None


def test_accounts_and_regions_have_streams_of_their_own(stores: PortStores) -> None:
    printed(stores, "job")

    for account, region in (("111122223333", REGION), (ACCOUNT, "eu-central-1")):
        assert stores.logs.first_stream(account, region) is None
        assert stores.logs.find_stream(account, region, f"job/algo-1-{SECOND}") is None
        assert stores.logs.list_streams(StreamQuery(account=account, region=region, limit=5)).streams == ()


def test_no_limit_no_streams(stores: PortStores) -> None:
    printed(stores, "job")

    page = stores.logs.list_streams(StreamQuery(account=ACCOUNT, region=REGION, limit=0))

    assert (page.streams, page.last) == ((), None)
