"""Listing walks an index whatever the order, so that a million jobs cost no more than a thousand."""

import random
import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from emulator.adapters.sql_store.listing import page_statements
from emulator.adapters.sql_store.store import Stores
from emulator.domain.phase import JobPhase, ProcessingJobStatus
from emulator.ports import JobQuery, JobStore, SortBy
from emulator.testing.job_store import MemoryJobStore
from tests.contract.ports.stores import NOW, add_job, move_to
from tests.unit.adapters.sql_store.rawsql import query

QUERY = JobQuery(account="000000000000", region="us-east-1", limit=100)
POSITION: dict[SortBy, str | int] = {SortBy.NAME: "n", SortBy.CREATION_TIME: 5, SortBy.STATUS: "Failed"}


def plan_of(path: Path, job_query: JobQuery) -> list[str]:
    """How SQLite reads a page, step by step."""
    plan: list[str] = []
    for statement in page_statements(job_query):
        compiled = statement.limit(job_query.limit).compile(
            dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
        )
        plan += [row[3] for row in query(path, f"EXPLAIN QUERY PLAN {compiled}")]
    return plan


def steps_on_jobs(plan: list[str]) -> list[str]:
    return [step for step in plan if not step.startswith("SEARCH job_requests USING INTEGER PRIMARY KEY")]


@pytest.mark.parametrize(("sort_by", "descending"), list(product(SortBy, [False, True])))
@pytest.mark.parametrize("status", [None, ProcessingJobStatus.FAILED])
def test_every_order_has_its_index(
    stores: Stores, path: Path, sort_by: SortBy, descending: bool, status: ProcessingJobStatus | None
) -> None:
    (step,) = steps_on_jobs(plan_of(path, replace(QUERY, sort_by=sort_by, descending=descending, status=status)))
    assert re.match(r"SEARCH jobs USING INDEX jobs_by_\w+ \(account=\? AND region=\?", step)
    assert ("status=?" in step) is (status is not None)


@pytest.mark.parametrize(("sort_by", "descending"), list(product(SortBy, [False, True])))
@pytest.mark.parametrize("status", [None, ProcessingJobStatus.FAILED])
def test_later_page_is_found_in_the_index_of_its_order(
    stores: Stores, path: Path, sort_by: SortBy, descending: bool, status: ProcessingJobStatus | None
) -> None:
    job_query = replace(QUERY, sort_by=sort_by, descending=descending, status=status, after=(POSITION[sort_by], 7))
    tied, *beyond = steps_on_jobs(plan_of(path, job_query))
    column = {"Name": "name", "CreationTime": "created_at_ms", "Status": "status"}[sort_by]
    # Behind the last row within its sort value: both are part of the search. A name has one row at most.
    assert f"{column}=?" in tied
    assert sort_by is SortBy.NAME or f"id{'<' if descending else '>'}?" in tied
    nothing_beyond = sort_by is SortBy.STATUS and status is not None
    assert len(beyond) == (0 if nothing_beyond else 1)
    assert all(re.search(rf"jobs_by_\w+ \(.*{column}{'<' if descending else '>'}\?", step) for step in beyond)


@pytest.mark.parametrize("bound", ["created_after", "created_before"])
def test_bound_on_creation_is_part_of_the_search(stores: Stores, path: Path, bound: str) -> None:
    # A type checker cannot see which member `bound` names.
    job_query = replace(QUERY, **{bound: NOW})  # type: ignore[arg-type]
    plan = plan_of(path, job_query)
    assert "created_at_ms" in plan[0]
    assert "TEMP B-TREE" not in "".join(plan)


def fill(jobs: JobStore) -> None:
    """The same sixty jobs every time, alike in many of their facts."""
    chance = random.Random(4)
    for number in range(60):
        name = "".join(chance.choice("aAbB0-") for _ in range(4)) + f"x{number}"
        at = NOW + timedelta(milliseconds=chance.randrange(8))
        job = add_job(jobs, name, at=at)
        if chance.random() < 0.3:
            job = jobs.request_stop(job.id, at)
        move_to(jobs, job, chance.choice(list(JobPhase)), at=at + timedelta(milliseconds=chance.randrange(8)))


MOMENTS = st.none() | st.integers(-1000, 17_000).map(lambda microseconds: NOW + timedelta(microseconds=microseconds))
QUERIES = st.builds(
    JobQuery,
    account=st.just("000000000000"),
    region=st.just("us-east-1"),
    limit=st.integers(1, 70),
    sort_by=st.sampled_from(SortBy),
    descending=st.booleans(),
    name_contains=st.none() | st.text("aAbB0-x", max_size=2),
    status=st.none() | st.sampled_from(ProcessingJobStatus),
    created_after=MOMENTS,
    created_before=MOMENTS,
    modified_after=MOMENTS,
    modified_before=MOMENTS,
)


def test_any_query_gives_the_pages_that_the_memory_gives(stores: Stores) -> None:
    memory = MemoryJobStore()
    fill(memory)
    fill(stores.jobs)

    @settings(max_examples=150, deadline=None)
    @given(job_query=QUERIES)
    def check(job_query: JobQuery) -> None:
        page = stores.jobs.list_page(job_query)
        assert page == memory.list_page(job_query)
        while page.last is not None:
            job_query = replace(job_query, after=page.last)
            page = stores.jobs.list_page(job_query)
            assert page == memory.list_page(job_query)

    check()
