"""A receiver of events over HTTP that fails as long as it is told to."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = tuple[int, Mapping[str, str], bytes]


class HttpReceiver:
    """Keeps the requests that it has taken. `status` is what it answers with; 200 takes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.reply: Callable[[bytes], bytes] = lambda _body: b"{}"
        self.refused = 0
        self.taken: list[tuple[Mapping[str, str], Any]] = []

    @property
    def bodies(self) -> list[Any]:
        """What it has taken, parsed."""
        return [body for _, body in self.taken]

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take or refuse one request."""
        status = self.status
        if status != 200:
            self.refused += 1
            return status, self.headers, b"{}"
        self.taken.append((headers, json.loads(body)))
        return status, self.headers, self.reply(body)


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    """One that takes everything, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers, reply = receiver.answer({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            for name, value in {"content-type": "application/x-amz-json-1.0", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST  # noqa: N815  # the name of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = HttpReceiver(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
