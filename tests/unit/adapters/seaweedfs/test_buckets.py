"""How the embedded store's list of buckets is read, also from one that is not quite there yet."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from processing_emulator.adapters.seaweedfs.buckets import bucket_times
from processing_emulator.adapters.seaweedfs.command import Ports
from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed

FOLDER = '{"FullPath": "/buckets/b", "Mode": 2147483648, "Crtime": "2026-01-02T03:04:05Z"}'
PAGE = f'{{"Entries": [{FOLDER}], "ShouldDisplayLoadMore": false}}'


@contextmanager
def a_filer(status: int, body: str) -> Iterator[Ports]:
    """A server that always says the same, at the port of the part that keeps the names."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.server_address[1]
            yield Ports(master=0, master_grpc=0, volume=0, volume_grpc=0, filer=port, filer_grpc=0, s3=0, s3_grpc=0)
        finally:
            server.shutdown()
            thread.join()


def test_buckets_are_the_folders() -> None:
    with a_filer(200, PAGE) as ports:
        assert list(bucket_times(ports)) == ["b"]


def test_a_store_that_has_not_made_its_folder_of_buckets_yet_has_none() -> None:
    with a_filer(404, "") as ports:
        assert bucket_times(ports) == {}


@pytest.mark.parametrize(("status", "body"), [(500, ""), (200, "no JSON")])
def test_a_store_that_does_not_say_is_a_failure(status: int, body: str) -> None:
    with a_filer(status, body) as ports, pytest.raises(EmbeddedStoreFailed, match="cannot be read"):
        bucket_times(ports)
