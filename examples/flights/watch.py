"""Shows a job in the terminal while it runs: its phases, its position in the queue, its log lines and its usage.

This is not part of the SageMaker API: it reads the emulator's own endpoint `/_emulator/jobs`. Where that is missing,
as in AWS, `find_watch` returns None. Uses only the standard library.
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
"""How long to wait for an emulator that does not answer, for example during its restart; its jobs keep running."""

EVENTS_AT_ONCE = 1000
TERMINAL_STATUSES = ("Completed", "Failed", "Stopped")
PHASES_AFTER_OUTPUT = ("StagingOut", *TERMINAL_STATUSES)
ACTIONS_AFTER_OUTPUT = ("container_exited", "container_signalled", "log_incomplete", "staged_out")
QUIET_ACTIONS = ("admitted", "container_started", "staged_in", "staged_out")
"""Events that are not shown, because a phase, the limits or the summary says the same."""

PLAIN_DETAILS = ("reason", "progress", "error", "cause")
"""Details of an event that are shown without their name."""


class Event(TypedDict):
    """One event of a job's history."""

    at: str
    action: str
    detail: dict[str, Any]


class Transfer(TypedDict):
    """One direction of staging."""

    objects: int
    bytes: int
    seconds: float


class Limits(TypedDict):
    """What an instance may use. `capped`: this machine has less than the instance type promises."""

    vcpus: float
    memoryBytes: int
    volumeBytes: int
    gpuIds: list[str]
    capped: bool


class Peaks(TypedDict):
    """The highest samples, taken once a second; 100 % of CPU is one core."""

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


class Waiting(TypedDict):
    """Why a job has not started yet; `reason` is null if it is about to."""

    reason: str | None
    queuePosition: int


class Job(TypedDict):
    """A job in the emulator's response; only the fields shown here."""

    status: str
    exitMessage: str | None
    createdAt: str
    waiting: Waiting | None
    instances: list[Instance]
    events: list[Event]


class EmulatorLost(Exception):
    """The emulator did not answer in time."""


class NotTheEmulator(Exception):
    """Something else answers at the endpoint."""


class Screen:
    """Prints plain lines without buffering; colours only on a terminal and without NO_COLOR."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty() and not os.environ.get("NO_COLOR")

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line; `style` is one of bold, dim, green, red, yellow or nothing."""
        print(self.paint(text, style), file=self._out, flush=True)

    def title(self, text: str) -> None:
        """Print the title of a section."""
        self.line(f"\n== {text} ==", "bold")

    def paint(self, text: str, style: str) -> str:
        """The text in its style, where colours are shown."""
        code = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}.get(style)
        return f"\033[{code}m{text}\033[0m" if code and self._colours else text


class Emulator:
    """The two endpoints used here, called without the proxy of the environment."""

    def __init__(self, endpoint_url: str, account: str, region: str, patience_seconds: float) -> None:
        self._url = f"{endpoint_url.rstrip('/')}/_emulator/jobs/"
        self._scope = {"account": account, "region": region}
        self._patience_seconds = patience_seconds
        self._opener = build_opener(ProxyHandler({}))

    def job(self, name: str) -> Job:
        """The job, its instances and its history. Raises NotTheEmulator, EmulatorLost."""
        return cast(Job, self._get(quote(name), {}))

    def log_messages(self, name: str, host: str, start: int) -> tuple[list[str], int]:
        """At most `EVENTS_AT_ONCE` messages from number `start`, and the number of the next one."""
        page = self._get(f"{quote(name)}/logs", {"host": host, "from": start, "limit": EVENTS_AT_ONCE})
        return [event["message"] for event in page["events"]], int(page["next"])

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
        """Show the job until it has ended and its last line is shown: every event and line once, in order."""
        shown_events, shown_position = 0, None
        next_messages: dict[str, int] = {}
        while True:
            job = self.emulator.job(self.name)
            new_events = job["events"][shown_events:]
            shown_events += len(new_events)
            before, after = split_at_end_of_output(new_events)
            self._show_events(job, before)
            waiting = job["waiting"]
            if waiting and waiting["reason"] and waiting["queuePosition"] != shown_position:
                shown_position = waiting["queuePosition"]
                self.screen.line(f"          place {shown_position} in the queue", "yellow")
            for instance in job["instances"]:
                self._show_output(instance["host"], next_messages)
            self._show_events(job, after)
            if job["status"] in TERMINAL_STATUSES:
                return self._show_summary(job)
            time.sleep(self.poll_seconds)

    def _show_events(self, job: Job, events: Sequence[Event]) -> None:
        for event in events:
            text, style = describe(event)
            if text:
                self.screen.line(f"{seconds_between(job['createdAt'], event['at']):7.1f} s {text}", style)
            if event["action"] == "admitted":
                for instance in job["instances"]:
                    self.screen.line(f"          {instance['host']} gets {describe_limits(instance['limits'])}", "dim")

    def _show_output(self, host: str, next_messages: dict[str, int]) -> None:
        """Show everything stored so far, each message once."""
        while True:
            messages, following = self.emulator.log_messages(self.name, host, next_messages.get(host, 0))
            next_messages[host] = following
            for line in "\n".join(messages).split("\n") if messages else ():
                self.screen.line(f"{self.screen.paint(host + ' |', 'dim')} {line}")
            if not messages:
                return

    def _show_summary(self, job: Job) -> None:
        for instance in job["instances"]:
            for text in summarise(instance):
                self.screen.line(f"  {text}")
        if job["exitMessage"]:
            self.screen.line(f"  exit message  {job['exitMessage']}")


def find_watch(endpoint_url: str, arn: str, name: str, screen: Screen) -> Watch | None:
    """A Watch for the job if an emulator answers at the endpoint, otherwise None."""
    if is_aws(endpoint_url):
        return None
    _, _, _, region, account, _ = arn.split(":", 5)
    try:
        Emulator(endpoint_url, account, region, patience_seconds=0).job(name)
    except (NotTheEmulator, EmulatorLost):
        return None
    return Watch(Emulator(endpoint_url, account, region, PATIENCE_SECONDS), name, screen)


def is_aws(endpoint_url: str) -> bool:
    """Whether the endpoint belongs to AWS; no `/_emulator` request is sent there."""
    host = urlsplit(endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def split_at_end_of_output(events: Sequence[Event]) -> tuple[Sequence[Event], Sequence[Event]]:
    """Events before and after the container's end; its last log lines are shown in between."""
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
    """Any event as text, such as `algo-1 container exited: code 0`."""
    facts = {key: value for key, value in detail.items() if key != "host" and value not in (None, [], "")}
    shown = [
        str(value) if key in PLAIN_DETAILS else f"{key.replace('_', ' ')} {value}"
        for key, value in facts.items()
        if value is not False
    ]
    subject = f"{detail.get('host', '')} {action.replace('_', ' ')}".strip()
    return f"{subject}: {', '.join(shown)}" if shown else subject


def describe_limits(limits: Limits) -> str:
    """One line on what an instance may use."""
    gpus = f", {len(limits['gpuIds'])} GPU" if limits["gpuIds"] else ""
    capped = "; this machine has less than the instance type" if limits["capped"] else ""
    memory, volume = size_of(limits["memoryBytes"]), size_of(limits["volumeBytes"])
    return f"{limits['vcpus']:g} vCPU, {memory} memory, {volume} disk{gpus}{capped}"


def summarise(instance: Instance) -> Iterator[str]:
    """Lines on what one host transferred and used."""
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
