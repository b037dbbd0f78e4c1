"""A scripted job, and a small HTTP server that plays the script on the emulator's `/_emulator/jobs`."""

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
    """One event of the history, `second` seconds after the job was created."""
    return {"at": f"2025-01-01T12:00:{second:06.3f}+00:00", "action": action, "detail": detail}


def phase(second: float, to: str) -> dict[str, object]:
    """A change of phase."""
    return event(second, "phase_changed", **{"from": "whatever", "to": to})


def instance(**changes: object) -> dict[str, object]:
    """A host that has staged and printed nothing yet."""
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
    """The response to one poll: the job, and how many log lines each host has printed by then."""

    status: str = "InProgress"
    events: Sequence[Mapping[str, object]] = ()
    waiting: Mapping[str, object] | None = None
    instances: Sequence[Mapping[str, object]] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    failure_reason: str | None = None
    exit_message: str | None = None
    error: int | None = None
    """Respond with this HTTP status and an HTML page instead."""


@dataclass(kw_only=True)
class Script:
    """One moment per poll of the job; the last one repeats. A page of the log has at most `page` lines."""

    moments: Sequence[Moment]
    output: Mapping[str, Sequence[str]] = field(default_factory=dict)
    page: int = 1000
    polls: int = 0

    @property
    def now(self) -> Moment:
        """The moment of the last poll."""
        return self.moments[min(max(self.polls, 1), len(self.moments)) - 1]

    def job(self, name: str) -> dict[str, object] | int:
        """Advance to the next moment; returns the job's document or an HTTP status."""
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
            "waiting": now.waiting,
            "instances": now.instances,
            "events": now.events,
        }

    def logs(self, host: str, start: int, limit: int) -> dict[str, object]:
        """One page of a host's lines."""
        there = list(self.output.get(host, ()))[: self.now.lines.get(host, 0)]
        page = there[start : start + min(limit, self.page)]
        lines = [{"seq": start + i, "at": "2025-01-01T12:00:01+00:00", "message": text} for i, text in enumerate(page)]
        return {"events": lines, "next": start + len(page)}


class PlayServer(ThreadingHTTPServer):
    """Plays one script for any job name, and records the requests."""

    daemon_threads = True

    def __init__(self, script: Script, handler: type["PlayHandler"]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.script = script
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        """The server's URL."""
        return f"http://127.0.0.1:{self.server_port}"


class PlayHandler(BaseHTTPRequestHandler):
    """Handles GET below `/_emulator/jobs`; 404 for everything else."""

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
        """Respond with 200 and the document."""
        self.answer(200, json.dumps(document).encode())

    def answer(self, status: int, body: bytes) -> None:
        """Send a response and close the connection."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Do not log requests."""


AnyServer = TypeVar("AnyServer", bound=ThreadingHTTPServer)


@contextmanager
def listening(server: AnyServer) -> Iterator[AnyServer]:
    """Run the server in a thread while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
