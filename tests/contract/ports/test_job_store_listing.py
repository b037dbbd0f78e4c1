"""The port suite of JobStore: listing. Filters apply before paging, and pages join without a gap."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.ports import JobPage, JobQuery, JobStore, SortBy
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to

QUERY = JobQuery(account="000000000000", region="us-east-1", limit=100)


def names_of(page: JobPage) -> list[str]:
    return [job.key.name for job in page.jobs]


def all_pages(jobs: JobStore, query: JobQuery) -> list[JobPage]:
    pages = [jobs.list_page(query)]
    while pages[-1].last is not None:
        pages.append(jobs.list_page(replace(query, after=pages[-1].last)))
    return pages


def test_empty_store_gives_an_empty_last_page(jobs: JobStore) -> None:
    assert jobs.list_page(QUERY) == JobPage(jobs=(), last=None)


def test_jobs_are_listed_whole(jobs: JobStore) -> None:
    job = move_to(jobs, add_job(jobs), JobPhase.FAILED)
    assert jobs.list_page(QUERY).jobs == (job,)


def test_only_the_account_and_region_asked_for_are_listed(jobs: JobStore) -> None:
    add_job(jobs, "here")
    jobs.add(a_key("other-account", account="111111111111"), a_request(), {}, NOW)
    jobs.add(a_key("other-region", region="eu-west-1"), a_request(), {}, NOW)
    assert names_of(jobs.list_page(QUERY)) == ["here"]
    assert names_of(jobs.list_page(replace(QUERY, region="eu-west-1"))) == ["other-region"]


def test_default_order_is_by_creation(jobs: JobStore) -> None:
    for name, seconds in (("b", 2), ("a", 3), ("c", 1)):
        add_job(jobs, name, at=later(seconds))
    assert names_of(jobs.list_page(QUERY)) == ["c", "b", "a"]
    assert names_of(jobs.list_page(replace(QUERY, descending=True))) == ["a", "b", "c"]


def test_jobs_of_one_moment_keep_the_order_of_arrival(jobs: JobStore) -> None:
    for name in ("b", "c", "a"):
        add_job(jobs, name)
    assert names_of(jobs.list_page(QUERY)) == ["b", "c", "a"]
    assert names_of(jobs.list_page(replace(QUERY, descending=True))) == ["a", "c", "b"]


def test_names_sort_by_code_point(jobs: JobStore) -> None:
    for name in ("b", "B2", "a-1", "a1", "A", "0"):
        add_job(jobs, name)
    query = replace(QUERY, sort_by=SortBy.NAME)
    assert names_of(jobs.list_page(query)) == ["0", "A", "B2", "a-1", "a1", "b"]
    assert names_of(jobs.list_page(replace(query, descending=True))) == ["b", "a1", "a-1", "B2", "A", "0"]


def test_jobs_of_one_status_are_in_the_order_of_their_creation(jobs: JobStore) -> None:
    for name, seconds in (("b", 2), ("a", 3), ("c", 1), ("d", 3)):
        add_job(jobs, name, at=later(seconds))
    move_to(jobs, add_job(jobs, "over", at=later(9)), JobPhase.COMPLETED)
    query = replace(QUERY, sort_by=SortBy.STATUS)
    assert names_of(jobs.list_page(query)) == ["over", "c", "b", "a", "d"]
    assert names_of(jobs.list_page(replace(query, descending=True))) == ["d", "a", "b", "c", "over"]


def test_status_sorts_by_its_word_then_by_arrival(jobs: JobStore) -> None:
    move_to(jobs, add_job(jobs, "stopped"), JobPhase.STOPPED)
    jobs.request_stop(add_job(jobs, "stopping-1").id, NOW)
    add_job(jobs, "in-progress-1")
    move_to(jobs, add_job(jobs, "failed"), JobPhase.FAILED)
    move_to(jobs, add_job(jobs, "in-progress-2"), JobPhase.RUNNING)
    move_to(jobs, add_job(jobs, "completed"), JobPhase.COMPLETED)
    move_to(jobs, add_job(jobs, "stopping-2"), JobPhase.STOPPING)
    expected = ["completed", "failed", "in-progress-1", "in-progress-2", "stopped", "stopping-1", "stopping-2"]
    query = replace(QUERY, sort_by=SortBy.STATUS)
    assert names_of(jobs.list_page(query)) == expected
    assert names_of(jobs.list_page(replace(query, descending=True))) == expected[::-1]


@pytest.mark.parametrize("phase", JobPhase)
@pytest.mark.parametrize("stop_requested", [False, True])
def test_status_filter_uses_the_status_that_is_shown(jobs: JobStore, phase: JobPhase, stop_requested: bool) -> None:
    job = add_job(jobs)
    if stop_requested:
        jobs.request_stop(job.id, NOW)
    job = move_to(jobs, jobs.get(job.id), phase)
    for status in ProcessingJobStatus:
        expected = ("job",) if status is job.status else ()
        assert tuple(names_of(jobs.list_page(replace(QUERY, status=status)))) == expected


def test_name_filter_is_a_substring_that_minds_case(jobs: JobStore) -> None:
    for name in ("Train-1", "pre-Train", "train-2", "eval"):
        add_job(jobs, name)
    assert names_of(jobs.list_page(replace(QUERY, name_contains="Train"))) == ["Train-1", "pre-Train"]
    assert names_of(jobs.list_page(replace(QUERY, name_contains="train"))) == ["train-2"]
    assert names_of(jobs.list_page(replace(QUERY, name_contains=""))) == ["Train-1", "pre-Train", "train-2", "eval"]


@pytest.mark.parametrize("pattern", ["%", "_", "e.al", "[e]", "*", "'", "\\", "\ud800", "eval-and-more"])
def test_name_filter_knows_no_wildcards(jobs: JobStore, pattern: str) -> None:
    add_job(jobs, "eval")
    assert names_of(jobs.list_page(replace(QUERY, name_contains=pattern))) == []


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        (None, None, True),
        (NOW, None, False),
        (NOW - MICROSECOND, None, True),
        (NOW + MICROSECOND, None, False),
        (None, NOW, False),
        (None, NOW + MICROSECOND, True),
        (None, NOW - MICROSECOND, False),
        (NOW - MICROSECOND, NOW + MICROSECOND, True),
        (NOW + MICROSECOND, NOW - MICROSECOND, False),
    ],
)
def test_time_bounds_are_exclusive(
    jobs: JobStore, after: datetime | None, before: datetime | None, expected: bool
) -> None:
    # Created at NOW and modified an hour later: each pair of bounds must look at its own moment.
    job = add_job(jobs, at=NOW)
    jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(3600))
    hour = timedelta(hours=1)
    created = jobs.list_page(replace(QUERY, created_after=after, created_before=before))
    modified = jobs.list_page(
        replace(QUERY, modified_after=after and after + hour, modified_before=before and before + hour)
    )
    assert names_of(created) == names_of(modified) == (["job"] if expected else [])


def test_filters_work_together(jobs: JobStore) -> None:
    for number in range(6):
        job = add_job(jobs, f"{'ab'[number % 2]}-{number}", at=later(number))
        if number > 1:
            move_to(jobs, job, JobPhase.COMPLETED, at=later(100 + number))
    query = replace(
        QUERY,
        status=ProcessingJobStatus.COMPLETED,
        name_contains="a-",
        created_after=later(1),
        modified_before=later(104),
    )
    assert names_of(jobs.list_page(query)) == ["a-2"]


def test_pages_are_full_until_the_last_one(jobs: JobStore) -> None:
    for number in range(40):
        job = add_job(jobs, f"{'yn'[number % 4 != 0]}-{number}", at=later(number))
        move_to(jobs, job, JobPhase.COMPLETED)
    pages = all_pages(jobs, replace(QUERY, limit=4, name_contains="y-", status=ProcessingJobStatus.COMPLETED))
    assert [len(page.jobs) for page in pages] == [4, 4, 2]


def test_page_that_takes_all_that_is_left_is_the_last(jobs: JobStore) -> None:
    for name in "abcd":
        add_job(jobs, name)
    assert [len(page.jobs) for page in all_pages(jobs, replace(QUERY, limit=2))] == [2, 2]
    assert [len(page.jobs) for page in all_pages(jobs, replace(QUERY, limit=4))] == [4]


@pytest.mark.parametrize("sort_by", SortBy)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_join_without_gap_or_overlap(jobs: JobStore, sort_by: SortBy, descending: bool, limit: int) -> None:
    phases = list(JobPhase)
    for number in range(20):
        job = add_job(jobs, f"job-{number * 7 % 20:02}", at=later(number // 5))
        move_to(jobs, job, phases[number % len(phases)])
    query = replace(QUERY, sort_by=sort_by, descending=descending)
    whole = jobs.list_page(query).jobs
    assert len(whole) == 20
    assert [job for page in all_pages(jobs, replace(query, limit=limit)) for job in page.jobs] == list(whole)


def test_job_added_between_two_pages_moves_nothing(jobs: JobStore) -> None:
    for number in range(4):
        add_job(jobs, f"job-{number}", at=later(number))
    first = jobs.list_page(replace(QUERY, limit=2, descending=True))
    add_job(jobs, "new", at=later(10))
    second = jobs.list_page(replace(QUERY, limit=2, descending=True, after=first.last))
    assert names_of(first) + names_of(second) == ["job-3", "job-2", "job-1", "job-0"]


@pytest.mark.parametrize("limit", [0, -1])
def test_page_of_nothing_is_empty(jobs: JobStore, limit: int) -> None:
    add_job(jobs)
    assert jobs.list_page(replace(QUERY, limit=limit)) == JobPage(jobs=(), last=None)


def test_listed_job_is_the_job_that_find_gives(jobs: JobStore) -> None:
    listed: ProcessingJob = jobs.request_stop(add_job(jobs).id, later(1))
    assert jobs.list_page(QUERY).jobs == (jobs.find(listed.key),) == (listed,)
