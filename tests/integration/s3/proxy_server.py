"""The proxy served by a real uvicorn on loopback, in a thread."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.aws.http.request_middleware import RequestMiddleware
from processing_emulator.aws.s3.proxy import S3Proxy, StoreMiddleware
from processing_emulator.aws.s3.seaweedfs_compat import seaweedfs_middleware
from processing_emulator.domain.default_account import account_of
from tests.fixtures_s3 import ACCESS_KEY, REGION, SECRET_KEY
from tests.waiting import wait_for


def embedded() -> StoreMiddleware:
    """The middleware that the server uses for its embedded store."""
    credentials = Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    return partial(seaweedfs_middleware, sign=Signer(credentials, REGION).headers, full_disk=lambda: None)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: S3Proxy) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._app.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        self.tasks_left = [task.get_name() for task in left if "_exchange" in repr(task) or "hang_up" in repr(task)]


@contextmanager
def serving_proxy(
    endpoint: str, behind: Callable[[ASGIApp], ASGIApp] = lambda app: app, middleware: StoreMiddleware | None = None
) -> Iterator[str]:
    """The URL of a proxy to `endpoint`; `behind` wraps it in more middleware. Checks that no task is left."""
    app = S3Proxy(endpoint, middleware=middleware)
    config = uvicorn.Config(
        RequestMiddleware(behind(app), account_of=account_of),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config, app)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_for("the server to start", lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()
    assert server.tasks_left == []
