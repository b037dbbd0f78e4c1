"""Connects to the engine with two docker-py clients, and sets the timeout of each kind of call.

The clients are created by the first call, and use the API version that the engine reports then.
"""

import os
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from typing import Any

import docker
import requests
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool
from docker.utils import kwargs_from_env, parse_host

from processing_emulator.adapters.docker_runtime.errors import translated
from processing_emulator.errors import RuntimeFailure

CONNECT_SECONDS = 5.0
"""A local socket answers at once or not at all."""

OLDEST_API = (1, 41)
"""Engine 20.10: the first with one-shot statistics, and the oldest that is tested."""

IDLE_CONNECTIONS = 32
"""Connections kept open between calls. More calls than that at once are fine; theirs are closed afterwards."""

_SOCKET_URL = "http+docker://"


class Call(Enum):
    """The kinds of calls: a phrase for error messages, and the most seconds in which the engine may send nothing."""

    INFO = ("say how it is", 30.0)  # walks all containers; slow on a busy disk
    INSPECT = ("inspect", 30.0)  # waits for the container's lock, which a start or a removal may hold
    LIST = ("list containers", 60.0)  # takes each container's lock in turn
    CREATE = ("create a container", 120.0)  # makes a layer and copies the image's volumes
    START = ("start a container", 240.0)  # network, cgroups and hooks; GPU drivers may take a minute to wake
    SIGNAL = ("signal a container", 30.0)
    REMOVE = ("remove a container", 300.0)  # kills it first, then deletes its layer: millions of files, maybe
    NETWORK = ("manage a network", 60.0)
    USAGE = ("measure a container", 10.0)  # a sample that comes later than that is of no use
    WAIT = ("wait for a container", 60.0)  # may last days: after a timeout, inspect the container and wait again
    LOGS = ("read a container's log", 60.0)  # the head comes at once; a log that is followed may then be silent
    SNAPSHOT = ("make an image of a container", 1800.0)  # packs all that the container has written
    PULL = ("pull an image", 1800.0)  # reports progress all the time, except while it checks a large layer

    def __init__(self, doing: str, seconds: float) -> None:
        self.doing = doing
        self.seconds = seconds


_LONG = frozenset({Call.WAIT, Call.LOGS, Call.SNAPSHOT, Call.PULL})
"""Calls that hold a connection for long. They have a client and a pool for themselves."""

_limit: ContextVar[float] = ContextVar("limit", default=Call.INFO.seconds)


class _LimitedClient(docker.APIClient):
    """docker-py has one timeout per client; this client uses the timeout of the current call."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = (CONNECT_SECONDS, _limit.get())
        return super().request(*args, **kwargs)


class _TrackedConnection(UnixHTTPConnection):
    """A connection that `Engine.close` can shut down, which wakes the thread that reads from it."""

    adapter: "_OnePoolAdapter"

    def connect(self) -> None:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(self.timeout)
            made.connect(self.unix_socket)
        except OSError:
            made.close()  # docker-py leaves it open
            raise
        self.sock = made
        self.adapter.note(self)


class _TrackedPool(UnixHTTPConnectionPool):
    def __init__(self, adapter: "_OnePoolAdapter") -> None:
        super().__init__("http://localhost", adapter.socket_path, adapter.timeout, maxsize=adapter.max_pool_size)
        self._adapter = adapter

    def _new_conn(self) -> _TrackedConnection:  # type: ignore[override]  # urllib3 types it as a protocol
        connection = _TrackedConnection("http://localhost", self.socket_path, self._adapter.timeout)
        connection.adapter = self._adapter
        return connection


class _OnePoolAdapter(UnixHTTPAdapter):
    """One pool of connections for the engine. docker-py keeps a pool per URL, so per container and call, and closes the
    oldest of 25 pools even while it is in use.
    """

    def __init__(self, socket_path: str) -> None:
        super().__init__("http+unix://" + socket_path, int(CONNECT_SECONDS), max_pool_size=IDLE_CONNECTIONS)
        self._open: weakref.WeakSet[_TrackedConnection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._pool = _TrackedPool(self)

    def get_connection(
        self,
        url: str | bytes,  # noqa: ARG002  # docker-py's signature
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> UnixHTTPConnectionPool:
        return self._pool

    def note(self, connection: _TrackedConnection) -> None:
        """Track an opened connection."""
        with self._lock:
            self._open.add(connection)

    def close(self) -> None:
        """Also shut down the connections in use."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            if connection.sock is not None:
                with suppress(OSError):  # it was closed already
                    connection.sock.shutdown(socket.SHUT_RDWR)
        super().close()
        self._pool.close()


def is_engine_address(address: str) -> bool:
    """Whether docker-py can read an address."""
    try:
        parse_host(address)
    except DockerException:
        return False
    return True


class Engine:
    """The Docker engine at one address. `docker_host` None: DOCKER_HOST, else the docker command's current context.

    `timeouts` replaces the timeouts of some calls.
    """

    def __init__(self, docker_host: str | None = None, timeouts: Mapping[Call, float] | None = None) -> None:
        self._docker_host = docker_host
        self._timeouts = timeouts or {}
        self._lock = threading.Lock()
        self._clients: dict[bool, _LimitedClient] = {}
        self._closed = False

    @property
    def address(self) -> str:
        """Where the engine is expected, for error messages."""
        return str(self.target().get("base_url") or "unix:///var/run/docker.sock")

    @contextmanager
    def call(self, call: Call) -> Iterator[docker.APIClient]:
        """A client with the timeout of this call. Errors within are translated."""
        seconds = self._timeouts.get(call, call.seconds)
        with translated(self, call.doing, seconds):
            token = _limit.set(seconds)
            try:
                yield self._client(is_long=call in _LONG)
            finally:
                _limit.reset(token)

    def close(self) -> None:
        """End all calls in progress as if the engine had stopped. Over a Unix socket blocked threads wake at once;
        otherwise they end when the engine sends something.
        """
        with self._lock:
            self._closed = True
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def target(self) -> dict[str, Any]:
        """docker-py's arguments: the address and its TLS keys, found like the docker command finds them."""
        if self._docker_host is not None:
            return dict(kwargs_from_env({**os.environ, "DOCKER_HOST": self._docker_host}))
        if os.environ.get("DOCKER_HOST"):
            return dict(kwargs_from_env())
        return dict(ContextAPI.kwargs_from_context())

    def _client(self, *, is_long: bool) -> _LimitedClient:
        with self._lock:
            if self._closed:
                raise requests.ConnectionError("the connection was closed by the emulator itself")
            if is_long not in self._clients:
                self._clients[is_long] = self._connect()
            return self._clients[is_long]

    def _connect(self) -> _LimitedClient:
        token = _limit.set(Call.INFO.seconds)
        try:
            with translated(self, "say which API it speaks", Call.INFO.seconds):
                client = self._make(_dotted(OLDEST_API))
                spoken = str(client.version(api_version=False)["ApiVersion"])
        finally:
            _limit.reset(token)
        if tuple(int(part) for part in spoken.split(".")) < OLDEST_API:
            client.close()
            raise RuntimeFailure(
                f"The Docker engine at {self.address} speaks API {spoken}; "
                f"{_dotted(OLDEST_API)} (Docker 20.10) or later is needed"
            )
        if spoken == client.api_version:
            return client
        client.close()
        return self._make(spoken)

    def _make(self, version: str) -> _LimitedClient:
        """A client that has not connected yet."""
        client = _LimitedClient(**self.target(), version=version)
        client.trust_env = False  # ignore proxies and .netrc
        for adapter in list(client.adapters.values()):
            if isinstance(adapter, UnixHTTPAdapter):
                client.mount(_SOCKET_URL, _OnePoolAdapter(adapter.socket_path))
        return client


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
