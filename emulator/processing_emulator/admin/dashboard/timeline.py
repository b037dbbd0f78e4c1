"""Where the time of a job went, from its history: a bar for each phase, and bars of the work of each host."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from processing_emulator.domain.job import JobEvent, ProcessingJob
from processing_emulator.domain.phase import JobPhase

_NAMES = {
    JobPhase.PENDING: "queue",
    JobPhase.PULLING: "pull",
    JobPhase.STAGING_IN: "download",
    JobPhase.STARTING: "start",
    JobPhase.RUNNING: "run",
    JobPhase.STAGING_OUT: "upload",
    JobPhase.STOPPING: "stop",
}

KINDS = tuple(_NAMES.values())
"""Kinds of bars, in the order of the phases."""

_TRANSFERS = {"staged_in": "download", "staged_out": "upload"}
"""Events at the end of a transfer, which say how long it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Work of one kind. `left` and `width` are percent of the whole job's time; `host` is empty for the whole job."""

    host: str
    kind: str
    seconds: float
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class _Span:
    host: str
    kind: str
    begin: datetime
    end: datetime


def timeline_of(job: ProcessingJob, events: Sequence[JobEvent], now: datetime) -> list[Bar]:
    """Bars in the order of their beginnings, first those of the job, then, of a cluster, those of each host."""
    end = job.ended_at or now
    hosts = list(_host_spans(events, end))
    shown = [*_phase_spans(job, events, end), *(hosts if len({span.host for span in hosts}) > 1 else [])]
    whole = max((end - job.created_at).total_seconds(), 0.001)
    return [_bar(span, job.created_at, whole) for span in shown]


def _bar(span: _Span, begin: datetime, whole_seconds: float) -> Bar:
    seconds = max(0.0, (span.end - span.begin).total_seconds())
    left = min(100.0, max(0.0, (span.begin - begin).total_seconds() / whole_seconds * 100))
    width = min(100.0 - left, seconds / whole_seconds * 100)
    return Bar(host=span.host, kind=span.kind, seconds=seconds, left=round(left, 3), width=round(width, 3))


def _phase_spans(job: ProcessingJob, events: Sequence[JobEvent], end: datetime) -> Iterator[_Span]:
    phase, begin = JobPhase.PENDING, job.created_at
    for event in events:
        if event.action == "phase_changed":
            yield _Span("", _NAMES[phase], begin, event.at)
            phase, begin = JobPhase(event.detail["to"]), event.at
    if not phase.is_terminal:
        yield _Span("", _NAMES[phase], begin, end)


def _host_spans(events: Sequence[JobEvent], end: datetime) -> Iterator[_Span]:
    spans: list[_Span] = []
    started: dict[str, datetime] = {}
    for event in events:
        host = str(event.detail.get("host", ""))
        if event.action in _TRANSFERS:
            begin = event.at - timedelta(seconds=event.detail["seconds"])
            spans.append(_Span(host, _TRANSFERS[event.action], begin, event.at))
        elif event.action == "container_started":
            started[host] = event.at
        elif event.action == "container_exited" and host in started:
            spans.append(_Span(host, "run", started.pop(host), event.at))
    spans += [_Span(host, "run", begin, end) for host, begin in started.items()]
    yield from sorted(spans, key=lambda span: (len(span.host), span.host, span.begin))
