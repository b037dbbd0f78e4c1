"""Shows a job in the terminal while it runs: its phases, its place in the queue, its log lines, what it took.

None of this is part of the SageMaker API: it comes from the emulator's own `/_emulator/jobs`, and where there is none,
as in AWS, `find_watch` finds nothing. Standard library only.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO, TypedDict, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 60.0
"""How long the emulator may be away, for instance while it is started anew: its jobs go on, and so do we."""

LINES_AT_ONCE = 1000
TERMINAL_STATUSES = ("Completed", "Failed", "Stopped")
PHASES_AFTER_OUTPUT = ("StagingOut", *TERMINAL_STATUSES)
ACTIONS_AFTER_OUTPUT = ("container_exited", "container_signalled", "log_incomplete", "staged_out")
QUIET_ACTIONS = ("admitted", "container_started", "staged_in", "staged_out")
"""Told better by a phase, by the limits or by the summary."""

PLAIN_DETAILS = ("reason", "progress", "error", "cause")
"""Details of an event that need no name before them."""


class Event(TypedDict):
    """One line of a job's history."""

    at: str
    action: str
    detail: dict[str, Any]


class Transfer(TypedDict):
    """What was staged."""

    objects: int
    bytes: int
    seconds: float


class Limits(TypedDict):
    """What an instance may use; capped: this machine has less than the instance type promises."""

    vcpus: float
    memoryBytes: int
    volumeBytes: int
    gpuIds: list[str]
    capped: bool


class Peaks(TypedDict):
    """The highest figures seen, one sample a second; 100 % of CPU is one core."""

    samples: int
    cpuPercent: float
    memoryBytes: int
    diskBytes: int
    gpuPercent: float | None
    gpuMemoryPercent: float | None


class Instance(TypedDict):
    """One host of a job."""

    host: str
    limits: Limits
    stagedIn: Transfer | None
    stagedOut: Transfer | None
    peaks: Peaks
    logLines: int


class Job(TypedDict):
    """A job as the emulator tells it; only what is shown here."""

    status: str
    exitMessage: str | None
    createdAt: str
    queuePosition: int | None
    instances: list[Instance]
    events: list[Event]


class EmulatorLost(Exception):
    """The emulator did not answer for longer than our patience."""


class NotTheEmulator(Exception):
    """Something else answers at the endpoint."""


class Screen:
    """Plain lines, flushed one by one; colours on a terminal only, and never with NO_COLOR."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty() and not os.environ.get("NO_COLOR")

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line; `style` is one of bold, dim, green, red, yellow or nothing."""
        print(self.paint(text, style), file=self._out, flush=True)

    def title(self, text: str) -> None:
        """Begin a part of the output."""
        self.line(f"\n== {text} ==", "bold")

    def paint(self, text: str, style: str) -> str:
        """The text between the codes of its style, where colours are shown."""
        code = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}.get(style)
        return f"\033[{code}m{text}\033[0m" if code and self._colours else text


class Emulator:
    """The two read calls used here. A proxy of the environment is not asked: the emulator is near."""

    def __init__(self, endpoint_url: str, account: str, region: str, patience_seconds: float) -> None:
        self._url = f"{endpoint_url.rstrip('/')}/_emulator/jobs/"
        self._scope = {"account": account, "region": region}
        self._patience_seconds = patience_seconds
        self._opener = build_opener(ProxyHandler({}))

    def job(self, name: str) -> Job:
        """The job, its instances and its history. Raises NotTheEmulator, EmulatorLost."""
        return cast(Job, self._get(quote(name), {}))

    def log_lines(self, name: str, host: str, start: int) -> tuple[list[str], int]:
        """At most `LINES_AT_ONCE` lines from number `start` on, and the number to go on with."""
        page = self._get(f"{quote(name)}/logs", {"host": host, "from": start, "limit": LINES_AT_ONCE})
        return [line["message"] for line in page["lines"]], int(page["next"])

    def _get(self, path: str, query: Mapping[str, str | int]) -> dict[str, Any]:
        url = f"{self._url}{path}?{urlencode({**self._scope, **query})}"
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                with self._opener.open(url, timeout=10) as answer:
                    return cast(dict[str, Any], json.load(answer))
            except HTTPError as error:
                error.close()
                if error.code < 500:
                    raise NotTheEmulator(f"{url} answers {error.code}") from error
                problem: Exception = error
            except ValueError as error:
                raise NotTheEmulator(f"{url} does not answer in JSON") from error
            except (URLError, OSError) as error:
                problem = error
            if time.monotonic() >= deadline:
                raise EmulatorLost(f"no answer from {url}: {problem}") from problem
            time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Watch:
    """Follows one job."""

    emulator: Emulator
    name: str
    screen: Screen
    poll_seconds: float = POLL_SECONDS

    def follow(self) -> None:
        """Show the job until it has ended and its last line is out: every event and every line once, in order."""
        told_events, told_place = 0, None
        next_lines: dict[str, int] = {}
        while True:
            job = self.emulator.job(self.name)
            news = job["events"][told_events:]
            told_events += len(news)
            before, after = split_at_end_of_output(news)
            self._tell_events(job, before)
            if job["queuePosition"] != told_place and has_to_wait(job):
                told_place = job["queuePosition"]
                self.screen.line(f"          place {told_place} in the queue", "yellow")
            for instance in job["instances"]:
                self._tell_lines(instance["host"], next_lines)
            self._tell_events(job, after)
            if job["status"] in TERMINAL_STATUSES:
                return self._tell_summary(job)
            time.sleep(self.poll_seconds)

    def _tell_events(self, job: Job, events: Sequence[Event]) -> None:
        for event in events:
            text, style = describe(event)
            if text:
                self.screen.line(f"{seconds_between(job['createdAt'], event['at']):7.1f} s {text}", style)
            if event["action"] == "admitted":
                for instance in job["instances"]:
                    self.screen.line(f"          {instance['host']} gets {describe_limits(instance['limits'])}", "dim")

    def _tell_lines(self, host: str, next_lines: dict[str, int]) -> None:
        """All lines there are by now; nothing is asked for twice."""
        while True:
            lines, following = self.emulator.log_lines(self.name, host, next_lines.get(host, 0))
            next_lines[host] = following
            for line in lines:
                self.screen.line(f"{self.screen.paint(host + ' |', 'dim')} {line}")
            if not lines:
                return

    def _tell_summary(self, job: Job) -> None:
        for instance in job["instances"]:
            for text in summarise(instance):
                self.screen.line(f"  {text}")
        if job["exitMessage"]:
            self.screen.line(f"  exit message  {job['exitMessage']}")


def find_watch(endpoint_url: str, arn: str, name: str, screen: Screen) -> Watch | None:
    """A watch on the job, when it is an emulator that answers at the endpoint."""
    if is_aws(endpoint_url):
        return None
    _, _, _, region, account, _ = arn.split(":", 5)
    try:
        Emulator(endpoint_url, account, region, patience_seconds=0).job(name)
    except (NotTheEmulator, EmulatorLost):
        return None
    return Watch(Emulator(endpoint_url, account, region, PATIENCE_SECONDS), name, screen)


def is_aws(endpoint_url: str) -> bool:
    """Whether the endpoint is one of AWS's own, which is not to be asked for anything of ours."""
    host = urlsplit(endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def has_to_wait(job: Job) -> bool:
    """Every job is in the queue for a moment; only one that was told to wait is worth a line."""
    return job["queuePosition"] is not None and any(event["action"] == "waiting" for event in job["events"])


def split_at_end_of_output(events: Sequence[Event]) -> tuple[Sequence[Event], Sequence[Event]]:
    """Events of before the container's end, and the rest: its last lines belong in between."""
    for position, event in enumerate(events):
        if event["action"] in ACTIONS_AFTER_OUTPUT or event["detail"].get("to") in PHASES_AFTER_OUTPUT:
            return events[:position], events[position:]
    return events, []


def describe(event: Event) -> tuple[str, str]:
    """Text and style of an event; no text for one that is not shown."""
    action, detail = event["action"], event["detail"]
    if action == "created":
        return "Pending", "bold"
    if action == "phase_changed":
        style = {"Completed": "green", "Failed": "red", "Stopped": "red"}.get(detail["to"], "bold")
        return str(detail["to"]), style
    if action == "staged_out" and detail.get("skipped"):
        return f"  left out, as these are no regular files: {', '.join(detail['skipped'])}", "yellow"
    if action in QUIET_ACTIONS:
        return "", ""
    return f"  {describe_other(action, detail)}", "dim"


def describe_other(action: str, detail: Mapping[str, Any]) -> str:
    """An event of any kind, such as `algo-1 container exited: code 0`."""
    facts = {key: value for key, value in detail.items() if key != "host" and value not in (None, [], "")}
    told = [
        str(value) if key in PLAIN_DETAILS else f"{key.replace('_', ' ')} {value}"
        for key, value in facts.items()
        if value is not False
    ]
    subject = f"{detail.get('host', '')} {action.replace('_', ' ')}".strip()
    return f"{subject}: {', '.join(told)}" if told else subject


def describe_limits(limits: Limits) -> str:
    """One line on what an instance may use."""
    gpus = f", {len(limits['gpuIds'])} GPU" if limits["gpuIds"] else ""
    capped = "; this machine has less than the instance type" if limits["capped"] else ""
    memory, volume = size_of(limits["memoryBytes"]), size_of(limits["volumeBytes"])
    return f"{limits['vcpus']:g} vCPU, {memory} memory, {volume} disk{gpus}{capped}"


def summarise(instance: Instance) -> Iterator[str]:
    """What one host moved and took, a line each."""
    for title, transfer in (("staged in ", instance["stagedIn"]), ("staged out", instance["stagedOut"])):
        if transfer is not None:
            yield f"{title}    {transfer_of(transfer['objects'], transfer['bytes'], transfer['seconds'])}"
    peaks = instance["peaks"]
    if peaks["samples"]:
        cpu = f"CPU {peaks['cpuPercent']:.0f} % (100 % is one core)"
        gpu = f", GPU {peaks['gpuPercent']:.0f} %" if peaks["gpuPercent"] is not None else ""
        memory, disk = size_of(peaks["memoryBytes"]), size_of(peaks["diskBytes"])
        yield f"peaks         {cpu}, memory {memory}, disk {disk}{gpu}"
    yield f"log           {instance['logLines']:,} lines"


def transfer_of(objects: int, size_bytes: int, seconds: float) -> str:
    """Objects, bytes and seconds as one phrase."""
    return f"{objects:,} object{'' if objects == 1 else 's'}, {size_of(size_bytes)} in {seconds:.2f} s"


def size_of(size_bytes: float) -> str:
    """Bytes in the unit that keeps the number short."""
    for unit in ("bytes", "KiB", "MiB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GiB"


def seconds_between(start: str, end: str) -> float:
    """Seconds from one ISO 8601 moment to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
