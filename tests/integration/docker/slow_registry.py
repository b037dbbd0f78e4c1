"""A proxy in front of a registry that delays manifests until the test releases them, and breaks answers off."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.waiting import wait_for


class SlowRegistry:
    """Forwards requests to `target`; requests for manifests wait for `release`. `breaking`: parts of paths, each of
    which breaks off the next answer to a GET in the middle.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.asked: list[str] = []
        self.breaking: list[str] = []
        self.released = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                registry.pass_on(self)

            do_HEAD = do_GET  # noqa: N815  # the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def release(self) -> None:
        """Stop delaying manifests."""
        self.released.set()

    def await_request(self, part: str) -> None:
        """Wait for a request whose `METHOD /path` contains `part`."""
        wait_for(f"a request for {part}", lambda: self.count(part) or None)

    def count(self, part: str) -> int:
        """The number of requests whose `METHOD /path` contains `part`."""
        return sum(part in path for path in self.asked)

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(f"{request.command} {request.path}")
        if "/manifests/" in request.path:
            self.released.wait(60)
        connection = http.client.HTTPConnection(self.target)
        try:
            connection.request(request.command, request.path, headers=dict(request.headers))
            answer = connection.getresponse()
            body = answer.read()
            request.send_response(answer.status)
            for name, value in answer.getheaders():
                request.send_header(name, value)
            request.end_headers()
            if request.command == "HEAD":
                return
            broken = next((part for part in self.breaking if part in request.path), None)
            if broken is None:
                request.wfile.write(body)
            else:
                self.breaking.remove(broken)
                request.wfile.write(body[: len(body) // 2])
                request.close_connection = True
        finally:
            connection.close()
