"""Failed jobs that are kept: which, looking into one, and giving up what is kept."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Protocol

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from processing_emulator.admin.parameters import HostParameters, JobName, JobParameters, Parameters, index_of
from processing_emulator.admin.views import Document, moment
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.kept_job import debug_command
from processing_emulator.engine.backend import DebugRequest
from processing_emulator.engine.debug_sessions import DebugSession
from processing_emulator.errors import EmulatorError, JobNotFound, JobNotKept, RuntimeFailure, StagingFailure
from processing_emulator.ports import Clock, Dialogue, JobStore

SessionName = Annotated[str, Field(pattern="^[a-z0-9]{1,32}$")]

Argument = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Of a program; the kernel ends each with a NUL."""


class KeptJobs(Protocol):
    """What the endpoints need of the engine; `engine.debug_sessions` says what each does."""

    def open(self, job: ProcessingJob, index: int, request: DebugRequest) -> DebugSession:
        """Raises JobNotKept, JobNotFound, RuntimeFailure, StagingFailure."""
        ...

    def close(self, job: ProcessingJob, index: int, session: str) -> str | None:
        """Raises RuntimeFailure."""
        ...

    def release(self, job: ProcessingJob) -> None:
        """Raises JobNotKept, JobNotFound, RuntimeUnavailable."""
        ...


class DebugBody(Parameters):
    """Who looks, and how. `command` missing: a shell. `terminal`: somebody types into it."""

    session: SessionName
    command: list[Argument] | None = Field(None, min_length=1, max_length=1000)
    terminal: bool = False

    def request(self) -> DebugRequest:
        """For the engine."""
        return DebugRequest(
            session=self.session,
            command=None if self.command is None else tuple(self.command),
            dialogue=Dialogue.TERMINAL if self.terminal else Dialogue.PIPE,
        )


def kept_routes(store: JobStore, kept: KeptJobs, engine_address: str | None, clock: Clock) -> APIRouter:
    """`/kept`, `/jobs/NAME/kept` and `/jobs/NAME/debug`.

    `engine_address`: where clients on this machine find the Docker engine; None if only they know. No answer holds
    credentials: they are in the container alone, which the server makes.
    """
    router = APIRouter()

    def document() -> JSONResponse:
        return JSONResponse({"jobs": [kept_document(job) for job in store.list_kept(clock.now())]})

    @router.get("/kept")
    def list_kept() -> JSONResponse:
        return document()

    @router.delete("/kept")
    def release_all() -> JSONResponse:
        for job in store.list_kept(clock.now()):
            with _as_http_error(RuntimeFailure), suppress(JobNotKept, JobNotFound):  # over or deleted in this moment
                kept.release(job)
        return document()

    @router.delete("/jobs/{name}/kept")
    def release(name: JobName, query: Annotated[JobParameters, Query()]) -> JSONResponse:
        with _as_http_error(JobNotKept, JobNotFound, RuntimeFailure):
            kept.release(query.find_job(store, name))
        return document()

    @router.post("/jobs/{name}/debug")
    def open_session(name: JobName, query: Annotated[HostParameters, Query()], body: DebugBody) -> JSONResponse:
        job = query.find_job(store, name)
        with _as_http_error(JobNotKept, JobNotFound, RuntimeFailure, StagingFailure):
            session = kept.open(job, index_of(query.host), body.request())
        return JSONResponse({**session_document(session), "engine": engine_address})

    @router.delete("/jobs/{name}/debug/{session}")
    def close_session(name: JobName, session: SessionName, query: Annotated[HostParameters, Query()]) -> JSONResponse:
        with _as_http_error(RuntimeFailure):
            ended = kept.close(query.find_job(store, name), index_of(query.host), session)
        return JSONResponse({"status": "ok", "ended": ended})

    return router


def kept_document(job: ProcessingJob) -> Document:
    """One kept job."""
    return {
        "name": job.key.name,
        "account": job.key.account,
        "region": job.key.region,
        "failureReason": job.failure_reason,
        "keptUntil": moment(job.kept_until),
        "command": debug_command(job.key),
    }


def session_document(session: DebugSession) -> Document:
    """What the client starts, and what it says to its user. `entryPoint` is what the job ran."""
    process = session.container.job_process
    return {
        "container": session.container.name,
        "host": session.host,
        "command": list(session.container.command),
        "entryPoint": list(process.command),
        "user": process.user,
        "workingFolder": process.working_folder,
        "keptUntil": moment(session.kept_until),
    }


@contextmanager
def _as_http_error(*kinds: type[EmulatorError]) -> Iterator[None]:
    """404: the job was removed in this moment; 409: the same request would fail again."""
    try:
        yield
    except kinds as error:
        status = 404 if isinstance(error, JobNotFound) else 409 if isinstance(error, JobNotKept) else 503
        raise HTTPException(status, str(error)) from error
