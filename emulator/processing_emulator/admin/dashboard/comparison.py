"""Two jobs next to each other: what their requests have different, and what that did to times and peaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from processing_emulator.admin.dashboard.pages import page
from processing_emulator.admin.dashboard.paths import DASHBOARD
from processing_emulator.admin.dashboard.timeline import KINDS, timeline_of
from processing_emulator.admin.parameters import JobParameters
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.usage import UsagePeaks
from processing_emulator.metrics.job_usage import peaks_of
from processing_emulator.ports import Clock, JobStore, MetricStore
from processing_emulator.quantities import duration, size

_NAME = "^[a-zA-Z0-9-]{1,63}$"


class ComparisonParameters(JobParameters):
    """Two jobs of one account and region."""

    one: str = Field(pattern=_NAME)
    other: str = Field(pattern=_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of both jobs, as text."""

    title: str
    one: str
    other: str


def comparison_routes(jobs: JobStore, metrics: MetricStore, clock: Clock) -> APIRouter:
    """`/compare`."""
    router = APIRouter(prefix=DASHBOARD)

    @router.get("/compare", response_class=HTMLResponse)
    def get_page(query: Annotated[ComparisonParameters, Query()]) -> HTMLResponse:
        pair = [query.find_job(jobs, query.one), query.find_job(jobs, query.other)]
        now = clock.now()
        return page(
            "compare.html",
            pair=pair,
            differences=differences(pair[0].request, pair[1].request),
            figures=[*_states(pair), *_times(jobs, pair, now), *_peaks(jobs, metrics, pair)],
        )

    return router


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Row]:
    """The members of two requests that differ, but for the name, by their paths."""
    left, right = dict(_leaves(one)), dict(_leaves(other))
    paths = [path for path in dict.fromkeys([*left, *right]) if path != "ProcessingJobName"]
    rows = [Row(title=path, one=left.get(path, "-"), other=right.get(path, "-")) for path in paths]
    return [row for row in rows if row.one != row.other]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path}[{number}]")
    else:
        yield path, str(value)


def _states(pair: Sequence[ProcessingJob]) -> Iterator[Row]:
    yield _row("Status", [job.status.value for job in pair])
    yield _row("Failure", [job.failure_reason or "-" for job in pair])


def _times(jobs: JobStore, pair: Sequence[ProcessingJob], now: datetime) -> Iterator[Row]:
    yield _row("Time", [duration(((job.ended_at or now) - job.created_at).total_seconds()) for job in pair])
    spent = []
    for job in pair:
        bars = timeline_of(job, jobs.list_events(job.id), now)
        spent.append({bar.kind: bar.seconds for bar in bars if not bar.host})
    for kind in KINDS:
        if kind in spent[0] or kind in spent[1]:
            yield _row(f"Time of {kind}", [duration(each.get(kind)) for each in spent])


def _peaks(jobs: JobStore, metrics: MetricStore, pair: Sequence[ProcessingJob]) -> Iterator[Row]:
    """The highest of all hosts."""
    found = [[peaks_of(metrics, job, record) for record in jobs.list_instances(job.id)] for job in pair]
    measured = [[peaks for peaks in each if peaks.samples] for each in found]
    yield _row("Peak CPU", [_highest(each, "cpu_percent", lambda value: f"{value:.0f} %") for each in measured])
    yield _row("Peak memory", [_highest(each, "memory_bytes", size) for each in measured])
    yield _row("Peak disk", [_highest(each, "disk_bytes", size) for each in measured])


def _highest(peaks: Sequence[UsagePeaks], name: str, shown: Any) -> str:
    return shown(max(getattr(each, name) for each in peaks)) if peaks else "-"


def _row(title: str, pair: Sequence[str]) -> Row:
    return Row(title=title, one=pair[0], other=pair[1])
