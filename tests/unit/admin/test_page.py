"""The page at `/_emulator/`, read as a browser reads it."""

from html.parser import HTMLParser

import pytest

from processing_emulator.admin.page import render_page
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import JobPage, JobQuery
from tests.builders import a_key, a_request
from tests.fakes.job_store import MemoryJobStore
from tests.unit.admin.test_admin_app import World


class Page(HTMLParser):
    """The text, the links and every tag of a page."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def world() -> World:
    return World()


def _page(world: World) -> Page:
    answer = world.get("/_emulator/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.body.decode())


def test_the_page_shows_version_health_and_links_to_every_endpoint(world: World) -> None:
    page = _page(world)
    assert "Processing Emulator 1.2" in page.text
    assert {"docker", "s3", "database"} <= set(page.text)
    assert "None yet." in page.text
    for link in page.links:
        assert world.get(f"/_emulator/{link}").status == 200


def test_jobs_are_shown_newest_first_with_links_that_work(world: World) -> None:
    world.api.service.create(a_key("old"), a_request("old"))
    world.api.service.create(a_key("new", account="111122223333", region="eu-west-1"), a_request("new"))
    page = _page(world)
    jobs = [link for link in page.links if link.startswith("jobs/")]
    assert jobs == [
        "jobs/new?account=111122223333&region=eu-west-1",
        "jobs/new/logs?account=111122223333&region=eu-west-1",
        "jobs/old?account=000000000000&region=us-east-1",
        "jobs/old/logs?account=000000000000&region=us-east-1",
    ]
    for link in jobs:
        assert world.get(f"/_emulator/{link}").status == 200


def test_nothing_on_the_page_is_taken_for_markup() -> None:
    evil = "\"'><script>alert(1)</script>"
    health = {"version": evil, "status": evil, "services": {evil: {"status": "down", "error": evil, "hint": evil}}}
    names = ("name", "account", "region", "status", "phase", "createdAt", "endedAt", "failureReason")
    page = Page(render_page(health, [dict.fromkeys(names, evil)]))
    assert "script" not in page.tags
    assert page.text.count(evil) >= len(names)
    assert "script" not in Page(render_page(health, evil)).tags


def test_the_page_loads_nothing_and_is_shown_in_no_frame(world: World) -> None:
    page = _page(world)
    assert not [link for link in page.links if ":" in link or link.startswith("/")]
    assert page.tags.isdisjoint({"script", "img", "link", "iframe"})
    policy = world.get("/_emulator/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


class FullStore(MemoryJobStore):
    """A store that cannot answer."""

    def list_page(self, query: JobQuery) -> JobPage:
        raise StoreFailure(f"the disk is full ({query.limit})")


def test_without_a_database_the_page_still_shows_health() -> None:
    page = _page(World(FullStore()))
    assert "the disk is full (25)" in page.text
    assert "docker" in page.text


def test_the_prefix_without_its_slash_leads_to_the_page(world: World) -> None:
    answer = world.get("/_emulator")
    assert (answer.status, answer.headers["location"]) == (307, "/_emulator/")
