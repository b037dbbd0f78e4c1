"""The status of a host, which the others ask for on port 5555: the protocol of the AWS image."""

import json
import logging
import threading
import urllib.request
from datetime import datetime
from enum import StrEnum
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

logger = logging.getLogger(__name__)

PORT = 5555


class Status(StrEnum):
    """What a host does."""

    INITIALIZING = "INITIALIZING"
    BOOTSTRAPPING = "BOOTSTRAPPING"
    WAITING = "WAITING"


class StatusServer:
    """Answers every GET, whatever its path, with `{"status": "WAITING", "timestamp": "2020-08-01T01:23:45.678"}`."""

    def __init__(self, host: str, port: int = PORT) -> None:
        self._status = Status.INITIALIZING
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write(server.message())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
                """Polls are not worth a line."""

        self._http = ThreadingHTTPServer((host, port), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, name="status", daemon=True).start()
        logger.info("answering for the status of this host on port %d", self.port)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def message(self) -> bytes:
        """What a host is told that asks now."""
        return json.dumps({"status": self._status, "timestamp": datetime.now().isoformat()}).encode()  # noqa: DTZ005

    def set(self, status: Status) -> None:
        logger.info("status: %s", status)
        self._status = status

    def close(self) -> None:
        """Stop answering: the other hosts take this one for gone."""
        self._http.shutdown()
        self._http.server_close()


def ask_status(host: str, port: int = PORT, *, timeout_seconds: float = 5.0) -> Status | None:
    """The status of a host; None if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=timeout_seconds) as answer:
            return Status(json.load(answer)["status"])
    except (OSError, HTTPException, ValueError, KeyError):
        return None
