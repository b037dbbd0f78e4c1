"""A job's life as a script, and a small HTTP server that plays it on the emulator's `/_emulator/jobs`."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

GIB = 1024**3


def event(second: float, action: str, **detail: object) -> dict[str, object]:
    """One line of history, `second` after the job was created."""
    return {"at": f"2025-01-01T12:00:{second:06.3f}+00:00", "action": action, "detail": detail}


def phase(second: float, to: str) -> dict[str, object]:
    """A change of phase."""
    return event(second, "phase_changed", **{"from": "whatever", "to": to})


def instance(**changes: object) -> dict[str, object]:
    """A host that has not done anything yet."""
    return {
        "host": "algo-1",
        "limits": {"vcpus": 2.0, "memoryBytes": 8 * GIB, "volumeBytes": 5 * GIB, "gpuIds": [], "capped": False},
        "stagedIn": None,
        "stagedOut": None,
        "peaks": {"samples": 0, "cpuPercent": 0.0, "memoryBytes": 0, "diskBytes": 0, "gpuPercent": None},
        "logLines": 0,
        **changes,
    }


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the emulator tells at one poll: the job, and how many log lines of each host there are by then."""

    status: str = "InProgress"
    events: Sequence[Mapping[str, object]] = ()
    queue_position: int | None = None
    instances: Sequence[Mapping[str, object]] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    failure_reason: str | None = None
    exit_message: str | None = None
    error: int | None = None
    """Answer with this HTTP status and a page of HTML instead."""


@dataclass(kw_only=True)
class Script:
    """Moments, one per poll of the job; the last one stays. Log pages are cut after `page` lines."""

    moments: Sequence[Moment]
    output: Mapping[str, Sequence[str]] = field(default_factory=dict)
    page: int = 1000
    polls: int = 0

    @property
    def now(self) -> Moment:
        """The moment of the last poll."""
        return self.moments[min(max(self.polls, 1), len(self.moments)) - 1]

    def job(self, name: str) -> dict[str, object] | int:
        """Go on by one moment: the job's document, or an HTTP status."""
        self.polls += 1
        now = self.now
        if now.error is not None:
            return now.error
        return {
            "name": name,
            "status": now.status,
            "failureReason": now.failure_reason,
            "exitMessage": now.exit_message,
            "createdAt": "2025-01-01T12:00:00.000+00:00",
            "queuePosition": now.queue_position,
            "instances": now.instances,
            "events": now.events,
        }

    def logs(self, host: str, start: int, limit: int) -> dict[str, object]:
        """One page of a host's lines."""
        there = list(self.output.get(host, ()))[: self.now.lines.get(host, 0)]
        page = there[start : start + min(limit, self.page)]
        lines = [{"seq": start + i, "at": "2025-01-01T12:00:01+00:00", "message": text} for i, text in enumerate(page)]
        return {"lines": lines, "next": start + len(page)}


class PlayServer(ThreadingHTTPServer):
    """Plays one script, whatever the job's name, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, script: Script, handler: type["PlayHandler"]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.script = script
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class PlayHandler(BaseHTTPRequestHandler):
    """GET below `/_emulator/jobs`; 404 for everything else."""

    server: PlayServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        self.server.asked.append((parts.path, query))
        match parts.path.strip("/").split("/"):
            case ["_emulator", "jobs", name]:
                answer = self.server.script.job(name)
                self.answer_json(answer) if isinstance(answer, dict) else self.answer(answer, b"<html></html>")
            case ["_emulator", "jobs", _, "logs"]:
                self.answer_json(
                    self.server.script.logs(query["host"], int(query["from"]), int(query.get("limit", 1000)))
                )
            case _:
                self.answer(404, b"")

    def answer_json(self, document: Mapping[str, Any]) -> None:
        """200 and the document."""
        self.answer(200, json.dumps(document).encode())

    def answer(self, status: int, body: bytes) -> None:
        """Any answer; the connection is not kept."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


AnyServer = TypeVar("AnyServer", bound=ThreadingHTTPServer)


@contextmanager
def listening(server: AnyServer) -> Iterator[AnyServer]:
    """The server on a thread of its own, gone afterwards."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
