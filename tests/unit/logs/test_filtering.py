"""FilterLogEvents: events of several streams by time, in pages that join, whatever their size."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.log_filter.pattern import compile_filter
from processing_emulator.errors import LogNotFound, ValidationFailed
from processing_emulator.logs.filtering import FilterQuery, LogFiltering, event_id
from processing_emulator.logs.merged_events import MergedEvent
from processing_emulator.logs.page_tokens import seal_page
from tests.unit.jobs.job_requests import Api
from tests.unit.logs.test_reading import GROUP, Printing

EVERYTHING = FilterQuery(group=GROUP, matches=compile_filter(""), bound=["everything"])


def pages_of(filtering: LogFiltering, query: FilterQuery) -> list[list[MergedEvent]]:
    pages: list[list[MergedEvent]] = []
    while True:
        page = filtering.page(query)
        pages.append(list(page.events))
        if page.next_token is None:
            return pages
        query = replace(query, token=page.next_token)


def messages_of(filtering: LogFiltering, query: FilterQuery) -> list[str]:
    return [merged.event.message for page in pages_of(filtering, query) for merged in page]


@settings(max_examples=150, deadline=None)
@given(
    streams=st.lists(st.lists(st.integers(0, 12), max_size=12).map(sorted), min_size=1, max_size=4),
    limit=st.integers(1, 5),
    scanned=st.sampled_from([1, 60, 10**6]),
    start=st.integers(0, 12),
    end=st.none() | st.integers(0, 13),
    from_head=st.booleans(),
)
def test_pages_join_to_all_events_by_time(
    streams: Sequence[Sequence[int]], limit: int, scanned: int, start: int, end: int | None, from_head: bool
) -> None:
    api = Api()
    expected = []
    for number, times in enumerate(streams):
        log = Printing(api, f"job-{number}")
        for nth, at_ms in enumerate(times):
            log.print(f"{number} {nth}", at_ms=at_ms)
        expected += [(at_ms, number, nth) for nth, at_ms in enumerate(times)]
    if not expected:
        return
    query = replace(EVERYTHING, limit=limit, start_ms=start, end_ms=end, from_head=from_head)

    pages = pages_of(LogFiltering(api.logs, scanned), query)

    found = [merged for page in pages for merged in page]
    wanted = sorted(expected, reverse=not from_head)
    # Streams get their ids in the order in which they print first, as they do here.
    assert [merged.event.message for merged in found] == [
        f"{number} {nth}" for at_ms, number, nth in wanted if start <= at_ms < (99 if end is None else end)
    ]
    assert all(len(page) <= limit for page in pages)
    assert len({event_id(merged.place) for merged in found}) == len(found)


def test_a_page_ends_when_much_was_searched_even_if_nothing_was_found() -> None:
    log = Printing()
    log.print(*["no"] * 50, "yes")
    filtering = LogFiltering(log.api.logs, scanned_bytes=280)

    pages = pages_of(filtering, replace(EVERYTHING, matches=compile_filter("yes")))

    assert len(pages) > 3
    assert [merged.event.message for merged in pages[-1]] == ["yes"]
    assert not any(pages[:-1])


def test_a_page_has_a_mebibyte_at_most_but_always_one_event() -> None:
    log = Printing()
    log.print(*["x" * 200_000] * 12)

    pages = pages_of(LogFiltering(log.api.logs), EVERYTHING)

    assert [len(page) for page in pages] == [5, 5, 2]


def test_streams_are_chosen_by_name_or_prefix() -> None:
    api = Api()
    logs = {name: Printing(api, name) for name in ("a", "ab", "b")}
    for name, log in logs.items():
        log.print(name)
    filtering = LogFiltering(api.logs)

    assert messages_of(filtering, replace(EVERYTHING, prefix="a")) == ["a", "ab"]
    assert messages_of(filtering, replace(EVERYTHING, prefix="a/")) == ["a"]
    names = [logs["b"].stream.name, logs["a"].stream.name, logs["a"].stream.name]
    assert messages_of(filtering, replace(EVERYTHING, stream_names=names)) == ["a", "b"]
    with pytest.raises(LogNotFound, match="log stream does not exist"):
        filtering.page(replace(EVERYTHING, stream_names=["other"]))
    with pytest.raises(ValidationFailed, match="mutually exclusive"):
        filtering.page(replace(EVERYTHING, stream_names=names, prefix="a"))


def test_there_is_no_group_before_something_was_printed() -> None:
    with pytest.raises(LogNotFound, match="log group does not exist"):
        LogFiltering(Api().logs).page(EVERYTHING)


@pytest.mark.parametrize("last", [["x"], [1, 2, 3], [1, -1, 1, 1], [1, 2**62, 1, 1], [1, 1, 1, -1], [1, "a", 1, 1]])
def test_a_sealed_token_of_another_form_is_refused(last: list[str | int]) -> None:
    """The seal is no secret, so a client can seal anything."""
    log = Printing()
    log.print("x")
    token = seal_page(last, EVERYTHING.bound)

    for wrong in (token, "x", seal_page([1, 1, 1, 1], ["another"])):
        with pytest.raises(ValidationFailed, match="nextToken is invalid"):
            LogFiltering(log.api.logs).page(replace(EVERYTHING, token=wrong))
