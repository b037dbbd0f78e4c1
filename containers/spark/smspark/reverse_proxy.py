"""A small reverse proxy for the history server, which knows that its pages appear below a path."""

import http.client
import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PASSED_ON = ("Content-Type", "Content-Encoding", "Content-Disposition", "Cache-Control", "Set-Cookie")


class ReverseProxy(ThreadingHTTPServer):
    """Passes GET requests on to a local port, with or without the prefix, and keeps redirects below the prefix.

    `public` is put before redirects: the address under which browsers reach this proxy.
    """

    daemon_threads = True

    def __init__(self, port: int, target_port: int, *, prefix: str, public: str = "") -> None:
        self.target_port = target_port
        self.prefix = prefix
        self.public = public.rstrip("/")
        super().__init__(("", port), _Handler)

    def upstream_path(self, path: str) -> str:
        """The path that the server behind the proxy knows."""
        rest = path.removeprefix(self.prefix)
        return rest if rest.startswith("/") else f"/{rest}"

    def public_location(self, location: str) -> str:
        """Where a browser is sent for a redirect of the server behind the proxy."""
        parts = urlsplit(location)
        path = self.prefix + self.upstream_path(parts.path)
        return self.public + path + (f"?{parts.query}" if parts.query else "")


class _Handler(BaseHTTPRequestHandler):
    server: ReverseProxy

    def do_GET(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target_port, timeout=60)
        try:
            connection.request("GET", self.server.upstream_path(self.path), headers={"Accept-Encoding": "identity"})
            self._pass_on(connection.getresponse())
        except OSError as error:
            self.send_error(502, explain=f"the history server does not answer: {error}")
        finally:
            connection.close()

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name in PASSED_ON:
            if value := answer.getheader(name):
                self.send_header(name, value)
        if location := answer.getheader("Location"):
            self.send_header("Location", self.server.public_location(location))
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Requests are not worth a line."""
