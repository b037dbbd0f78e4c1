"""Each order of listing has an index, so that a page among a million jobs costs no more than among a thousand."""

import random
import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from processing_emulator.adapters.sql_store.listing import SELECT_UNFINISHED, UNFINISHED, page_statements
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus, status_of
from processing_emulator.ports import JobPosition, JobQuery, JobStore, SortBy
from tests.contract.ports.stores import NOW, add_job, move_to
from tests.fakes.job_store import MemoryJobStore
from tests.unit.adapters.sql_store.rawsql import query

QUERY = JobQuery(account="000000000000", region="us-east-1", limit=100)
EACH_STATUS = {"status=?", "account=?", "region=?"}
IDS = ("id", "rowid")
"""SQLite's names of the id, which is its rowid."""

POSITION: dict[SortBy, JobPosition] = {
    SortBy.NAME: ("n", 7),
    SortBy.CREATION_TIME: (5, 7),
    SortBy.STATUS: ("InProgress", 5, 7),
}
BEHIND_IN_PROGRESS = {False: ["Stopped", "Stopping"], True: ["Failed", "Completed"]}
"""Ascending and descending."""


def statements_of(job_query: JobQuery) -> list[str]:
    return [text_of(statement.limit(job_query.limit)) for statement in page_statements(job_query)]


def text_of(statement: Select[Any]) -> str:
    return str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


def plan_of(path: Path, statement: str) -> list[str]:
    """How SQLite reads jobs for a statement, step by step; the search for their requests by id is left out."""
    steps: list[str] = [row[3] for row in query(path, f"EXPLAIN QUERY PLAN {statement}")]
    return [step for step in steps if not step.startswith("SEARCH job_requests USING INTEGER PRIMARY KEY")]


def search_of(path: Path, statement: str) -> set[str]:
    """The columns that an index is searched by, when that is the only step."""
    (step,) = plan_of(path, statement)
    match = re.fullmatch(r"SEARCH jobs USING INDEX jobs_by_\w+ \((.*)\)", step)
    assert match, step
    return set(match[1].split(" AND "))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort_by", [SortBy.NAME, SortBy.CREATION_TIME])
@pytest.mark.parametrize("status", [None, ProcessingJobStatus.FAILED])
def test_every_order_has_its_index(
    stores: Stores, path: Path, sort_by: SortBy, descending: bool, status: ProcessingJobStatus | None
) -> None:
    (statement,) = statements_of(replace(QUERY, sort_by=sort_by, descending=descending, status=status))
    assert search_of(path, statement) == {"account=?", "region=?"} | ({"status=?"} if status else set())


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort_by", [SortBy.NAME, SortBy.CREATION_TIME])
@pytest.mark.parametrize("status", [None, ProcessingJobStatus.FAILED])
def test_later_page_is_found_in_the_index_of_its_order(
    stores: Stores, path: Path, sort_by: SortBy, descending: bool, status: ProcessingJobStatus | None
) -> None:
    job_query = replace(QUERY, sort_by=sort_by, descending=descending, status=status, after=POSITION[sort_by])
    tied, beyond = statements_of(job_query)
    column = {"Name": "name", "CreationTime": "created_at_ms"}[sort_by]
    # Behind the last row within its sort value: both are part of the search. A name has one row at most.
    assert f"{column}=?" in search_of(path, tied)
    assert sort_by is SortBy.NAME or search_of(path, tied) & {f"{name}{'<' if descending else '>'}?" for name in IDS}
    assert f"{column}{'<' if descending else '>'}?" in search_of(path, beyond)


@pytest.mark.parametrize("descending", [False, True])
def test_in_the_order_of_statuses_each_is_found_in_the_index(stores: Stores, path: Path, descending: bool) -> None:
    statements = statements_of(replace(QUERY, sort_by=SortBy.STATUS, descending=descending))
    assert statuses_in(statements) == sorted(ProcessingJobStatus, reverse=descending)
    assert [search_of(path, statement) for statement in statements] == [EACH_STATUS] * 5


@pytest.mark.parametrize("descending", [False, True])
def test_later_page_in_the_order_of_statuses_begins_in_the_index(stores: Stores, path: Path, descending: bool) -> None:
    job_query = replace(QUERY, sort_by=SortBy.STATUS, descending=descending, after=POSITION[SortBy.STATUS])
    tied, beyond, *others = statements_of(job_query)
    sign = "<" if descending else ">"
    assert statuses_in([tied, beyond, *others]) == ["InProgress"] * 2 + BEHIND_IN_PROGRESS[descending]
    assert search_of(path, tied) - {f"{name}{sign}?" for name in IDS} == EACH_STATUS | {"created_at_ms=?"}
    assert len(search_of(path, tied)) == 5
    assert search_of(path, beyond) == EACH_STATUS | {f"created_at_ms{sign}?"}
    assert [search_of(path, statement) for statement in others] == [EACH_STATUS] * 2


@pytest.mark.parametrize("descending", [False, True])
def test_order_of_statuses_with_one_alone_is_that_of_creation(stores: Stores, descending: bool) -> None:
    by_creation = replace(QUERY, descending=descending, status=ProcessingJobStatus.IN_PROGRESS)
    by_status = replace(by_creation, sort_by=SortBy.STATUS)
    assert statements_of(by_status) == statements_of(by_creation)
    after = POSITION[SortBy.STATUS]
    assert statements_of(replace(by_status, after=after)) == statements_of(replace(by_creation, after=after[1:]))


def statuses_in(statements: list[str]) -> list[str]:
    return [status for statement in statements for status in re.findall(r"status = '(\w+)'", statement)]


def test_unfinished_jobs_are_found_among_all_by_their_status(stores: Stores, path: Path) -> None:
    assert plan_of(path, text_of(SELECT_UNFINISHED)) == [
        "SEARCH jobs USING INDEX jobs_by_status_creation (status=?)",
        "USE TEMP B-TREE FOR ORDER BY",
    ]


@pytest.mark.parametrize(("phase", "stop_requested"), list(product(JobPhase, [False, True])))
def test_status_tells_whether_a_job_has_ended(phase: JobPhase, stop_requested: bool) -> None:
    assert (status_of(phase, stop_requested=stop_requested) in UNFINISHED) is not phase.is_terminal


@pytest.mark.parametrize("bound", ["created_after", "created_before"])
def test_bound_on_creation_is_part_of_the_search(stores: Stores, path: Path, bound: str) -> None:
    # A type checker cannot see which member `bound` names.
    job_query = replace(QUERY, **{bound: NOW})  # type: ignore[arg-type]
    (statement,) = statements_of(job_query)
    assert any(part.startswith("created_at_ms") for part in search_of(path, statement))


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
