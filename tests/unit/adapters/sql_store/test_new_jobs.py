"""New jobs that come together: of each everything is stored or nothing, whatever comes before and behind it."""

import json
from itertools import count
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.domain.job import NewJob

from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job
from tests.fakes.job_store import MemoryJobStore
from tests.unit.adapters.sql_store.rawsql import query

# Few names, so that most are in use: by a job that was there, or by another of the group, in another case.
NAMES = st.sampled_from(["a", "A", "b", "B", "c", "d", "e"])
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)  # no tag of the service's has it
TAGS = st.dictionaries(st.sampled_from(["k", "ä", ""]), VALUES, max_size=3)
GROUPS = st.lists(st.lists(st.tuples(NAMES, TAGS), min_size=1, max_size=9), min_size=1, max_size=3)


def test_any_mix_of_jobs_is_stored_as_in_memory(stores: Stores) -> None:
    regions = (f"eu-west-{number}" for number in count(1))  # each example has one for itself

    @settings(max_examples=100, deadline=None)
    @given(groups=GROUPS)
    def check(groups: list[list[tuple[str, dict[str, str]]]]) -> None:
        memory, region = MemoryJobStore(), next(regions)
        for group in groups:
            new = [
                NewJob(key=a_key(name, region=region), request=a_request(name, LABEL=str(number)), tags=tags, at=NOW)
                for number, (name, tags) in enumerate(group)
            ]
            for each, job_id, expected in zip(new, stores.jobs.add_all(new), memory.add_all(new), strict=True):
                assert (job_id is None) is (expected is None)
                if job_id is not None:
                    assert stores.jobs.get(job_id).request == each.request
                    assert stores.jobs.list_tags(job_id) == each.tags

    check()


def test_nothing_at_all_is_stored_of_jobs_whose_names_are_in_use(stores: Stores, path: Path) -> None:
    first = add_job(stores.jobs, "in-use")
    refused = [
        NewJob(key=a_key(name), request=a_request(name), tags=tags, at=NOW)
        for name in ("in-use", "IN-USE")
        for tags in ({}, {"k": "v"})
    ]
    assert stores.jobs.add_all(refused) == [None] * 4
    assert query(path, "SELECT id FROM jobs") == query(path, "SELECT job_id FROM job_requests") == [(first.id,)]
    assert query(path, "SELECT * FROM job_tags") == query(path, "SELECT * FROM job_events") == []


def test_jobs_with_and_without_tags_come_together(stores: Stores, path: Path) -> None:
    tags = [{}, {"k": "1"}, {}, {"k": "2", "l": json.dumps({"a": None})}, {}]
    new = [
        NewJob(key=a_key(f"job-{number}"), request=a_request(), tags=each, at=NOW) for number, each in enumerate(tags)
    ]
    ids = [job_id for job_id in stores.jobs.add_all(new) if job_id is not None]
    assert [stores.jobs.list_tags(job_id) for job_id in ids] == tags
    assert query(path, "SELECT count(*) FROM job_tags") == [(3,)]
