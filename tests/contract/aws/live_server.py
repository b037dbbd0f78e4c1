"""The front door on a real port of this machine, and real boto3 clients that know no other."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import uvicorn
from botocore.config import Config
from starlette.types import ASGIApp

from processing_emulator.server.http_protocol import BoundedHeadProtocol
from processing_emulator.server.uvicorn_server import server_config

DEADLINE_SECONDS = 20.0


@contextmanager
def serving(app: ASGIApp, http: type[BoundedHeadProtocol] = BoundedHeadProtocol) -> Iterator[str]:
    """Serve the application on a free port, as `serve` does; its URL. Stops with the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = uvicorn.Server(server_config(app, http=http))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not server.started:
        assert thread.is_alive(), "the server ended before it was ready"
        assert time.monotonic() < deadline, "the server was not ready in time"
        thread.join(0.01)


def a_client(
    url: str,
    *,
    service: str = "sagemaker",
    region: str = "us-east-1",
    access_key: str = "test",
    secret_key: str = "test",
    session_token: str | None = None,
) -> Any:
    """An unmodified client that does not try again, so that a test sees what the server said."""
    return boto3.session.Session().client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=session_token,
        config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20),
    )
