"""Pages and their tokens."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.errors import ValidationFailed
from processing_emulator.jobs.listing import seal
from processing_emulator.ports import JobQuery, SortBy
from tests.builders import a_key, a_request
from tests.unit.jobs.job_requests import START, Api

QUERY = JobQuery(account="000000000000", region="us-east-1", limit=2)


def an_api(*names: str) -> Api:
    """An API with jobs of these names, created in this order."""
    api = Api()
    for name in names:
        api.service.create(a_key(name), a_request(name))
    return api


def names_of_all_pages(api: Api, query: JobQuery) -> list[list[str]]:
    """The names of all pages, following the tokens."""
    pages: list[list[str]] = []
    token: str | None = None
    while True:
        page = api.listing.page(query, token)
        pages.append([job.key.name for job in page.jobs])
        token = page.next_token
        if token is None:
            return pages


def test_pages_are_full_and_the_last_has_no_token() -> None:
    api = an_api("a", "b", "c", "d", "e")

    assert names_of_all_pages(api, QUERY) == [["a", "b"], ["c", "d"], ["e"]]


def test_no_token_after_a_last_page_that_is_full() -> None:
    assert names_of_all_pages(an_api("a", "b", "c", "d"), QUERY) == [["a", "b"], ["c", "d"]]


def test_filters_apply_before_pages_are_cut() -> None:
    api = an_api("x-1", "y-1", "x-2", "y-2", "x-3")

    assert names_of_all_pages(api, replace(QUERY, name_contains="x")) == [["x-1", "x-2"], ["x-3"]]


@pytest.mark.parametrize("sort_by", list(SortBy))
@pytest.mark.parametrize("descending", [False, True])
def test_every_order_pages_through_all_jobs_once(sort_by: SortBy, descending: bool) -> None:
    api = an_api("b", "a", "d", "c", "e")
    api.move(api.service.describe(a_key("d")), JobPhase.COMPLETED)

    pages = names_of_all_pages(api, replace(QUERY, sort_by=sort_by, descending=descending))

    assert sorted(name for page in pages for name in page) == ["a", "b", "c", "d", "e"]
    assert [len(page) for page in pages] == [2, 2, 1]


def test_jobs_added_between_pages_do_not_repeat_or_hide_others() -> None:
    api = an_api("b", "d", "f")
    query = replace(QUERY, sort_by=SortBy.NAME)
    first = api.listing.page(query)
    api.service.create(a_key("a"), a_request("a"))
    api.service.create(a_key("e"), a_request("e"))

    second = api.listing.page(query, first.next_token)

    assert [job.key.name for job in second.jobs] == ["e", "f"]


def test_page_size_may_change_on_the_way() -> None:
    api = an_api("a", "b", "c", "d")
    token = api.listing.page(QUERY).next_token

    assert [job.key.name for job in api.listing.page(replace(QUERY, limit=100), token).jobs] == ["c", "d"]


@pytest.mark.parametrize(
    "other",
    [
        replace(QUERY, account="111122223333"),
        replace(QUERY, region="eu-west-1"),
        replace(QUERY, sort_by=SortBy.NAME),
        replace(QUERY, descending=True),
        replace(QUERY, name_contains="a"),
        replace(QUERY, status=ProcessingJobStatus.FAILED),
        replace(QUERY, created_after=START),
        replace(QUERY, created_before=START),
        replace(QUERY, modified_after=START),
        replace(QUERY, modified_before=START),
    ],
)
def test_token_of_another_query_is_refused(other: JobQuery) -> None:
    api = an_api("a", "b", "c")
    token = api.listing.page(QUERY).next_token
    assert token is not None

    with pytest.raises(ValidationFailed, match="NextToken is not valid"):
        api.listing.page(other, token)


def test_token_of_a_moment_is_not_valid_for_another_moment() -> None:
    api = an_api("a", "b", "c")
    query = replace(QUERY, created_after=START - timedelta(days=1))
    token = api.listing.page(query).next_token

    with pytest.raises(ValidationFailed):
        api.listing.page(replace(query, created_after=START - timedelta(days=2)), token)


@pytest.mark.parametrize("sort_by", list(SortBy))
def test_token_with_a_changed_position_is_refused(sort_by: SortBy) -> None:
    api = an_api("a", "b", "c")
    query = replace(QUERY, sort_by=sort_by)
    token = api.listing.page(query).next_token
    assert token is not None
    seal, *values, job_id = json.loads(base64.urlsafe_b64decode(token))
    for changed in ([*values, job_id + 1], [*values, str(job_id)], values, [*values, job_id, 1], []):
        forged = base64.urlsafe_b64encode(json.dumps([seal, *changed]).encode()).decode()
        with pytest.raises(ValidationFailed):
            api.listing.page(query, forged)


@pytest.mark.parametrize("levels", [1, 500, 950, 1500, 6000])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_token_with_a_nested_position_is_refused(levels: int, place: int) -> None:
    api = an_api("a", "b", "c")
    values = ['"seal"', "1", "1"]
    values[place] = "[" * levels + "]" * levels
    forged = base64.urlsafe_b64encode(f"[{','.join(values)}]".encode()).decode()

    with pytest.raises(ValidationFailed):
        api.listing.page(QUERY, forged)


@pytest.mark.parametrize(
    ("sort_by", "position"),
    [
        (SortBy.STATUS, ["Strange", 1, 1]),
        (SortBy.STATUS, ["Failed", 1]),
        (SortBy.STATUS, ["Failed", "1", 1]),
        (SortBy.NAME, [1, 1]),
        (SortBy.NAME, ["a", 1, 1]),
        (SortBy.NAME, ["a", "1"]),
        (SortBy.CREATION_TIME, [1, 2**63]),
        (SortBy.CREATION_TIME, [-(2**63) - 1, 1]),
        (SortBy.CREATION_TIME, ["a", 1]),
        (SortBy.CREATION_TIME, [1]),
        (SortBy.CREATION_TIME, []),
        (SortBy.CREATION_TIME, [True, 1]),
        (SortBy.NAME, ["a", True]),
        (SortBy.NAME, ["a\0", 1]),
        (SortBy.NAME, ["\ud800", 1]),
        (SortBy.NAME, ["no_job", 1]),
        (SortBy.NAME, ["a" * 64, 1]),
        (SortBy.STATUS, ["Failed", 1, True]),
    ],
)
def test_sealed_token_that_holds_no_position_is_refused(sort_by: SortBy, position: list[str | int]) -> None:
    query = replace(QUERY, sort_by=sort_by)

    with pytest.raises(ValidationFailed):
        an_api("a", "b", "c").listing.page(query, seal(tuple(position), query))


def test_token_survives_a_restart() -> None:
    api = an_api("a", "b", "c")
    token = api.listing.page(QUERY).next_token

    assert [job.key.name for job in Api(api.store).listing.page(QUERY, token).jobs] == ["c"]


@settings(deadline=None)
@given(st.text(min_size=1) | st.binary(min_size=1).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_made_up_tokens_are_refused(token: str) -> None:
    with pytest.raises(ValidationFailed, match="NextToken is not valid"):
        an_api("a", "b", "c").listing.page(QUERY, token)


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_tokens_of_made_up_json_are_refused(document: object) -> None:
    token = base64.urlsafe_b64encode(json.dumps(document).encode()).decode()

    with pytest.raises(ValidationFailed, match="NextToken is not valid"):
        an_api("a").listing.page(QUERY, token)


def test_no_name_contains_a_nul() -> None:
    assert names_of_all_pages(an_api("a", "b"), replace(QUERY, name_contains="a\0")) == [[]]
