"""The pages of the dashboard, read as a browser reads them."""

import ast
import json
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import pytest

from processing_emulator.domain.job import JobEvent, JobFacts, Limits
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import JobPage, JobQuery
from tests.builders import a_key, a_request, an_input, an_output
from tests.fakes.job_store import MemoryJobStore
from tests.log_batches import a_batch
from tests.unit.admin.test_admin_app import World
from tests.unit.jobs.job_requests import START

EVIL = "\"'><script>alert(1)</script>"
LIMITS = Limits(vcpus=1.5, reserved_vcpus=2.0, memory_bytes=1024**3, volume_bytes=2048)


class Page(HTMLParser):
    """The text, the links, and every tag of a page with its attributes."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(document)
        self.text = re.sub(r"\s+", " ", " ".join(self.texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "hx-get")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def world() -> World:
    return World()


def page(world: World, path: str = "/_emulator/") -> Page:
    answer = world.get(path)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.body.decode())


def jobs_on(found: Page) -> list[str]:
    return [attrs["href"] or "" for tag, attrs in found.tags if tag == "a" and "data-item" in attrs]


def test_jobs_are_shown_newest_first_with_links_that_work(world: World) -> None:
    world.api.service.create(a_key("old"), a_request("old"))
    world.api.service.create(a_key("new", account="111122223333", region="eu-west-1"), a_request("new"))

    found = page(world)

    assert jobs_on(found) == [
        "/_emulator/dashboard/jobs/new?account=111122223333&region=eu-west-1",
        "/_emulator/dashboard/jobs/old?account=000000000000&region=us-east-1",
    ]
    assert "Pending: reason of 1" in found.text
    assert {world.get(link).status for link in found.links if not link.startswith("#")} == {200}


@pytest.mark.parametrize("account", ["", "000000000000"])
def test_the_list_is_filtered_and_read_page_by_page(world: World, account: str) -> None:
    for number in range(120):
        world.api.service.create(a_key(f"job-{number}"), a_request(f"job-{number}"))
    world.api.service.create(a_key("other", region="eu-west-1"), a_request("other"))

    seen, path = [], f"/_emulator/?region=us-east-1&name=job&status=InProgress&account={account}"
    while path:
        found = page(world, path)
        seen += [re.findall(r"jobs/(job-\d+)\?", link)[0] for link in jobs_on(found)]
        path = next((attrs["href"] or "" for _tag, attrs in found.tags if attrs.get("rel") == "next"), "")

    assert seen == [f"job-{number}" for number in reversed(range(120))]
    assert jobs_on(page(world, "/_emulator/?status=Failed")) == []


@pytest.mark.parametrize("query", ["status=none", "account=1", "region=A", "after=x", "unknown=1"])
def test_filters_that_mean_nothing_are_refused(world: World, query: str) -> None:
    assert world.get(f"/_emulator/?{query}").status == 400


def _evil_job(world: World) -> str:
    """A job of which everything that its author can choose is markup."""
    request = a_request(
        "evil",
        image=EVIL,
        entrypoint=[EVIL],
        arguments=[EVIL, "'; rm -rf / #"],
        inputs=[an_input(EVIL, uri=f"s3://bkt/{EVIL}")],
        outputs=[an_output(EVIL, uri=f"s3://bkt/{EVIL}")],
        Environment={"KEY": EVIL},
    )
    job = world.store.add(a_key("evil"), request, {}, START)
    world.store.ensure_instances(job.id, [LIMITS])
    world.store.add_event(job.id, JobEvent(at=START, action=EVIL, detail={EVIL: EVIL}))
    world.logs.append_output(job.id, 0, a_batch(EVIL))
    world.api.move(job, JobPhase.PULLING)
    world.store.advance(
        job.id,
        JobPhase.PULLING,
        JobPhase.FAILED,
        START,
        JobFacts(ended_at=START, failure_reason=f"AlgorithmError: {EVIL}", exit_message=EVIL),
    )
    return "/_emulator/dashboard/jobs/evil"


def test_nothing_that_a_job_says_is_taken_for_markup(world: World) -> None:
    path = _evil_job(world)

    for found in (page(world, path), page(world), page(world, "/_emulator/?name=%22%3E%3Cscript%3E")):
        scripts = [attrs for tag, attrs in found.tags if tag == "script"]
        assert all((attrs["src"] or "").startswith("/_emulator/dashboard/static/") for attrs in scripts)
        assert not [name for _tag, attrs in found.tags for name in attrs if name.startswith("on") or name == "style"]
    assert page(world, path).text.count(EVIL) >= 8


def test_pages_load_only_files_of_the_server_and_are_shown_in_no_frame(world: World) -> None:
    path = _evil_job(world)

    for answer in (world.get("/_emulator/"), world.get(path)):
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(
            policy.split("; ")
        )
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        found = Page(answer.body.decode())
        assert all(link.startswith(("/_emulator/", "#")) for link in found.links)


@pytest.mark.parametrize("name", ["../pages.py", "vendor/README.md", "%2e%2e/pages.py", "nothing.js", ""])
def test_only_the_files_of_the_pages_are_served(world: World, name: str) -> None:
    assert world.get(f"/_emulator/dashboard/static/{name}").status == 404


class FullStore(MemoryJobStore):
    """A store that cannot answer."""

    def list_page(self, query: JobQuery) -> JobPage:
        raise StoreFailure(f"the disk is full ({query.limit})")


def test_without_a_database_the_list_says_why() -> None:
    assert "the disk is full (50)" in page(World(FullStore())).text


def test_the_prefix_without_its_slash_leads_to_the_list(world: World) -> None:
    answer = world.get("/_emulator")
    assert (answer.status, answer.headers["location"]) == (307, "/_emulator/")


def test_a_failed_job_shows_its_reason_and_what_to_do(world: World) -> None:
    found = page(world, _evil_job(world))

    assert f"AlgorithmError: {EVIL}" in found.text
    assert "The program in the container ended with an error." in found.text
    triggers = [attrs.get("hx-trigger") for _tag, attrs in found.tags]
    assert not [each for each in triggers if each and "every" in each], "a job that has ended is not asked for again"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("ClientError: Failed to download data. No S3 objects found under s3://b/in", "The input has no objects here"),
        ("ClientError: ListObjectsV2 failed for s3://b/in: NoSuchBucket (404)", "There is no such bucket here"),
        ("ClientError: Cannot pull algorithm container.", "The image is not on this machine"),
        ("ClientError: something else", "Something that the request names could not be used."),
        ("AlgorithmError: NoSuchBucket, exit code: 1", "The program in the container ended with an error."),
    ],
)
def test_the_advice_fits_the_mistakes_that_beginners_make(world: World, reason: str, advice: str) -> None:
    job = world.store.add(a_key("failed"), a_request("failed"), {}, START)
    world.store.advance(
        job.id, JobPhase.PENDING, JobPhase.FAILED, START, JobFacts(ended_at=START, failure_reason=reason)
    )

    assert advice in page(world, "/_emulator/dashboard/jobs/failed").text


def test_the_timeline_has_a_bar_for_each_phase(world: World) -> None:
    world.api.service.create(a_key("job"), a_request("job"))
    world.api.move(world.api.service.describe(a_key("job")), JobPhase.RUNNING)

    found = page(world, "/_emulator/dashboard/jobs/job")

    bars = [attrs["class"] for tag, attrs in found.tags if tag == "rect" and attrs["class"] != "track"]
    assert bars == ["queue", "pull", "download", "start", "run"]


class Codes(HTMLParser):
    """The text of each labelled `pre`."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._label: str | None = None
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._label = dict(attrs).get("aria-label") if tag == "pre" else self._label

    def handle_endtag(self, tag: str) -> None:
        self._label = None if tag == "pre" else self._label

    def handle_data(self, data: str) -> None:
        if self._label:
            self.found[self._label] = self.found.get(self._label, "") + data


def _code(world: World, title: str) -> str:
    return Codes(world.get("/_emulator/dashboard/jobs/evil").body.decode()).found[title]


def _calls(program: str) -> dict[str, dict[str, Any]]:
    """The calls of a program with their literal arguments."""
    return {
        ast.unparse(node.func): {each.arg or "": _value(each.value) for each in node.keywords}
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Call)
    }


def _value(node: ast.expr) -> Any:
    return None if any(isinstance(each, ast.Call) for each in ast.walk(node)) else ast.literal_eval(node)


def test_the_request_is_shown_as_code_that_sends_it_again(world: World) -> None:
    _evil_job(world)
    request = world.api.service.describe(a_key("evil")).request

    assert json.loads(_code(world, "JSON")) == request
    assert _calls(_code(world, "boto3"))["sagemaker.create_processing_job"] == request
    words = shlex.split(_code(world, "AWS CLI"))
    assert words[:-1] == ["aws", "sagemaker", "create-processing-job", "--region", "us-east-1", "--cli-input-json"]
    assert json.loads(words[-1]) == request
    calls = _calls(_code(world, "SageMaker SDK 2"))
    assert calls["Processor"]["env"] == {"KEY": EVIL}
    assert calls["processor.run"]["arguments"] == [EVIL, "'; rm -rf / #"]
    assert calls["ProcessingInput"]["source"] == f"s3://bkt/{EVIL}"
    assert calls["ProcessingOutput"]["destination"] == f"s3://bkt/{EVIL}"
    calls = _calls(_code(world, "SageMaker SDK 3"))
    assert calls["Processor"]["env"] == {"KEY": EVIL}
    assert calls["ProcessingS3Input"]["s3_uri"] == calls["ProcessingS3Output"]["s3_uri"] == f"s3://bkt/{EVIL}"


def test_only_sdk_3_is_given_instance_preferences(world: World) -> None:
    request = a_request("evil")
    preferences = [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.t3.medium"}]
    cluster = {"InstancePreferences": preferences, "InstanceCount": 1, "VolumeSizeInGB": 1}
    request["ProcessingResources"]["ClusterConfig"] = cluster
    world.api.service.create(a_key("evil"), request)

    second, third = (_calls(_code(world, f"SageMaker SDK {number}"))["Processor"] for number in (2, 3))

    assert (second["instance_type"], second["instance_count"]) == ("ml.m5.large", 1)
    assert (third["instance_preferences"], third["instance_count"]) == (preferences, 1)
    assert "instance_type" not in third


def test_a_text_is_found_in_a_log_forwards_and_backwards(world: World) -> None:
    world.api.service.create(a_key("job"), a_request("job"))
    job = world.api.service.describe(a_key("job"))
    world.store.ensure_instances(job.id, [LIMITS])
    world.logs.append_output(job.id, 0, a_batch("one", "Two", "three", "two", "five"))

    def search(query: str) -> object:
        return world.get(f"/_emulator/jobs/job/logs/search?{query}").document["seq"]

    assert [search("text=TWO"), search("text=two&from=2"), search("text=two&from=4")] == [1, 3, None]
    assert [search("text=two&from=3&backward=true"), search("text=one&from=0&backward=true")] == [1, None]
    assert world.get("/_emulator/jobs/job/logs/search").status == 400


def test_a_job_shows_what_the_service_would_say_to_it(world: World) -> None:
    world.api.service.create(a_key("mine"), a_request("mine", image="python:3.11", inputs=[an_input(uri="s3://b/x")]))

    text = page(world, "/_emulator/dashboard/jobs/mine").text

    assert "refused The image python:3.11 is not in a private registry of ECR." in text
    assert "refused S3 has no bucket of the name b:" in text
