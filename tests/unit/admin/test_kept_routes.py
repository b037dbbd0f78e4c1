"""The endpoints of kept jobs, over the engine on fakes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from processing_emulator.admin.debug_advice import debug_advice
from processing_emulator.admin.kept_routes import kept_routes
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.errors import RuntimeFailure
from tests.unit.admin.kept_jobs import NothingKept
from tests.unit.aws.asgi import Answer, call
from tests.unit.engine.engine_rig import EmulatorRun, Rig

KEEP = {"processing-emulator:keep-failed": "on"}
JSON = (("host", "127.0.0.1"), ("content-type", "application/json"))
FAILS = {"FAKE_EXIT_CODE": "3", "PASSWORD": "secret"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def served(rig: Rig) -> tuple[EmulatorRun, FastAPI]:
    emulator = rig.start_emulator()
    app = FastAPI()
    app.include_router(kept_routes(rig.jobs, emulator.debug, "unix:///engine.sock", rig.clock))
    return emulator, app


def failed(rig: Rig, name: str = "job") -> ProcessingJob:
    return rig.wait_for_phase(rig.add(name, tags=KEEP, Environment=FAILS), "Failed")


def opened(app: FastAPI, name: str = "job", **body: object) -> Answer:
    return call(
        app,
        method="POST",
        path=f"/jobs/{name}/debug",
        headers=JSON,
        body=json.dumps({"session": "s1", **body}).encode(),
    )


def test_a_session_is_opened_and_closed_without_a_word_of_the_environment(rig: Rig) -> None:
    _, app = served(rig)
    job = failed(rig)
    answer = opened(app, command=["ls", "-l"])
    document = json.loads(answer.body)
    assert (document["container"], document["engine"]) == ("job-algo-1-e1-1-debug-s1", "unix:///engine.sock")
    assert (document["host"], document["command"]) == ("algo-1", ["ls", "-l"])
    assert b"secret" not in answer.body
    assert call(app, method="DELETE", path="/jobs/job/debug/s1").status == 200
    assert rig.machine.names() == [rig.container(job)]


def test_what_cannot_be_done_is_said(rig: Rig) -> None:
    emulator, app = served(rig)
    rig.wait_for_phase(rig.add("forgotten", Environment=FAILS), "Failed")
    failed(rig)
    assert opened(app, "forgotten").status == 409
    assert opened(app, "missing").status == 404
    assert opened(app, session="../x").status == 422
    assert opened(app, command=["echo", "a\0b"]).status == 422
    emulator.runtime.fail("snapshot", RuntimeFailure("no space"))
    assert opened(app).status == 503


def test_kept_jobs_are_listed_and_released(rig: Rig) -> None:
    _, app = served(rig)
    first, second = failed(rig, "first"), failed(rig, "second")
    listed = json.loads((call(app, method="GET", path="/kept")).body)["jobs"]
    assert [job["command"] for job in listed] == [f"processing-emulator debug {name}" for name in ("first", "second")]
    left = json.loads((call(app, method="DELETE", path="/jobs/first/kept")).body)["jobs"]
    assert [job["name"] for job in left] == ["second"]
    assert (call(app, method="DELETE", path="/jobs/first/kept")).status == 409
    assert json.loads((call(app, method="DELETE", path="/kept")).body) == {"jobs": []}
    assert rig.leftovers() == []
    assert rig.actions(first)[-1] == rig.actions(second)[-1] == "no_longer_kept"


class RemovedMeanwhile(NothingKept):
    """An engine whose jobs are removed, as by a retention, in the moment in which they are to be released."""

    def __init__(self, rig: Rig, emulator: EmulatorRun) -> None:
        self._rig = rig
        self._emulator = emulator

    def release(self, job: ProcessingJob) -> None:
        if job.key.name == "removed":
            with self._rig.jobs.transaction():
                self._rig.jobs.forget(job.id)
        self._emulator.debug.release(job)


def test_a_job_that_is_removed_meanwhile_stops_no_removal_of_the_others(rig: Rig) -> None:
    emulator = rig.start_emulator()
    app = FastAPI()
    app.include_router(kept_routes(rig.jobs, RemovedMeanwhile(rig, emulator), None, rig.clock))
    failed(rig, "removed")
    other = failed(rig, "other")
    assert json.loads((call(app, method="DELETE", path="/kept")).body) == {"jobs": []}
    assert rig.actions(other)[-1] == "no_longer_kept"
    failed(rig, "removed")
    assert call(app, method="DELETE", path="/jobs/removed/kept").status == 404


def test_whoever_closes_a_session_that_is_gone_learns_why(rig: Rig) -> None:
    _, app = served(rig)
    failed(rig)
    opened(app)
    call(app, method="DELETE", path="/kept")
    answer = call(app, method="DELETE", path="/jobs/job/debug/s1")
    assert json.loads(answer.body)["ended"] == "Nothing of the job job is kept any more: asked for."


def test_the_message_of_a_failure_names_the_command_or_how_to_keep_the_job(rig: Rig) -> None:
    rig.start_emulator()

    def advice(job: ProcessingJob) -> str | None:
        return debug_advice(job, rig.jobs.list_instances(job.id), rig.clock.now())

    assert (advice(failed(rig)) or "").endswith("UTC: processing-emulator debug job")
    forgotten = rig.wait_for_phase(rig.add("forgotten", Environment=FAILS), "Failed")
    assert advice(forgotten) == "To look into its container next time, run it with --keep-failed."
    assert advice(rig.wait_for_end(rig.add("done"))) is None
