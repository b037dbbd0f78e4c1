"""The dashboard in a real browser: Chromium driven by Playwright, and axe-core, which finds faults of accessibility."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.builders import a_request, an_output
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.fixtures_docker import missing

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")

LINES = 3000
PROGRAM = f"""
import os, sys
for number in range({LINES}):
    print(f"line <b>{{number}}</b>")
sys.stdout.flush()
with open("/opt/ml/processing/output/table.csv", "w") as table:
    table.write("name,value\\n<script>alert(1)</script>,1\\n")
if os.environ.get("FAILS"):
    print("the column 'price' is missing", flush=True)
    sys.exit(1)
"""


ACCOUNT, OTHER_ACCOUNT = "000000000000", "111122223333"
"""The second has the job that other tests should not meet in the list."""

WAITS = """
import glob, time
print("waits", flush=True)
while not glob.glob("/opt/ml/processing/out*/go"):
    time.sleep(0.05)
print("goes on", flush=True)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which(os.environ.get("PROCESSING_EMULATOR_TEST_CHROMIUM", "chromium"))
    if path is None:
        missing("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def jobs(server: EmulatorProcess) -> EmulatorProcess:
    """A server with a job that has succeeded, and one that has failed."""
    code = server.stage_code("dashboard", PROGRAM)
    for name, environment in (("good", {}), ("bad", {"FAILS": "1"})):
        request = a_request(name, entrypoint=RUN_CODE, inputs=[code], outputs=[an_output()], Environment=environment)
        server.client("sagemaker").create_processing_job(**request)
    for name in ("good", "bad"):
        server.wait_for_end(name, 120)
    return server


class Tab:
    """A page that must have no error in its console, which is also where a refused script or style shows."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self._context = browser.new_context(**options)
        self.page = self._context.new_page()
        self.page.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.goto(address)

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, *_: object) -> None:
        self._context.close()
        assert self.complaints == []


def test_from_the_list_to_a_line_of_a_log(browser: Browser, jobs: EmulatorProcess) -> None:
    with Tab(browser, f"{jobs.url}/_emulator/?account={ACCOUNT}", viewport={"width": 1200, "height": 900}) as page:
        expect(page.locator("[data-item]")).to_have_text(["bad", "good"])
        page.keyboard.press("/")
        expect(page.get_by_label("Name contains")).to_be_focused()
        page.keyboard.type("goo")
        page.keyboard.press("Enter")
        expect(page.locator("[data-item]")).to_have_text(["good"])
        page.locator("h1").click()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("good Completed")
        expect(page.locator("#log-count")).to_have_text(f"{LINES:,}")

        page.locator("#log-text").fill("<B>2500")
        page.keyboard.press("Enter")
        expect(page.locator(".line.chosen")).to_contain_text("line <b>2500</b>")
        expect(page.locator("#log-found")).to_have_text("Line 2501")
        assert page.url.endswith("#L2501")
        assert page.locator(".line").count() < 60, "only the lines in view are in the document"
        permalink = page.url
    with Tab(browser, permalink) as page:
        expect(page.locator(".line.chosen")).to_contain_text("line <b>2500</b>")
        page.locator("#log-view").evaluate("view => view.scrollTo(0, 0)")
        expect(page.locator(".line").first).to_contain_text("line <b>0</b>")


def test_a_failure_shows_the_end_of_the_log_and_its_outputs(browser: Browser, jobs: EmulatorProcess) -> None:
    with Tab(browser, f"{jobs.url}/_emulator/dashboard/jobs/bad") as page:
        expect(page.get_by_role("region", name="Last lines of the log")).to_contain_text("'price' is missing")
        page.get_by_role("link", name="table.csv").click()
        expect(page.get_by_role("cell").first).to_have_text("<script>alert(1)</script>")


def test_a_running_job_is_followed_to_its_end(browser: Browser, jobs: EmulatorProcess) -> None:
    code = jobs.stage_code("waits", WAITS)
    sagemaker = jobs.client("sagemaker", account=OTHER_ACCOUNT)
    sagemaker.create_processing_job(**a_request("live", entrypoint=RUN_CODE, inputs=[code], outputs=[an_output()]))
    with Tab(browser, f"{jobs.url}/_emulator/dashboard/jobs/live?account={OTHER_ACCOUNT}") as page:
        expect(page.locator("h1")).to_contain_text("InProgress")
        expect(page.locator(".line").last).to_contain_text("waits")
        (output,) = (jobs.data_dir / "jobs").glob("*/algo-1/processing/out*")
        (output / "go").touch()
        expect(page.locator("h1")).to_contain_text("Completed", timeout=90_000)
        expect(page.locator(".line").last).to_contain_text("goes on")
        expect(page.locator("#timeline")).to_contain_text("upload")


PAGES = ("", "dashboard/jobs/good", "dashboard/jobs/bad", "dashboard/machine", "dashboard/compare?one=good&other=bad")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_pages_are_accessible_and_fit(browser: Browser, jobs: EmulatorProcess, scheme: str, width: int) -> None:
    for path in PAGES:
        address = f"{jobs.url}/_emulator/{path}"
        with Tab(browser, address, viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
            expect(page.get_by_text("Asking the S3 store")).to_have_count(0)
            page.evaluate(AXE)
            found = page.evaluate("axe.run()")["violations"]
            serious = [
                (each["id"], [node["html"] for node in each["nodes"]])
                for each in found
                if each["impact"] in ("serious", "critical")
            ]
            assert serious == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
            folder = os.environ.get("PROCESSING_EMULATOR_TEST_SCREENSHOTS")
            if folder is not None:
                name = path.replace("/", "-").partition("?")[0] or "jobs"
                page.screenshot(path=Path(folder) / f"{name}-{scheme}-{width}.png", full_page=True)
