"""Fixtures with real S3 stores: the embedded SeaweedFS and MinIO, which both check signatures.

Each pytest worker has its own stores. Without the program the test is skipped with a reason; with
PROCESSING_EMULATOR_REQUIRE_ALL=1 it fails.
"""

import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest

from processing_emulator.adapters.s3_store.retry import RetryPolicy
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed
from processing_emulator.adapters.seaweedfs.identity import Identity
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess
from tests.fixtures_docker import missing
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
ACCESS_KEY = "tests-access-key"
SECRET_KEY = "tests-secret-key"
REGION = "us-east-1"
IDENTITY = Identity(access_key=ACCESS_KEY, secret_key=SECRET_KEY)

ODD_NAMES = [
    "sp ace",
    "pl+us",
    "per%cent",
    "per%2Fencoded",
    "ünïcödé",
    "smile😀",
    "question?x=1&y=2",
    "hash#x",
    "quo\"te'",
    "less<more>&",
    "semi;colon,at@dollar$!*()=:",
    "~tilde_-.",
    "tab\tx",
]
"""File names and key parts that need correct encoding. All stores here support them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running store."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = field(default=SECRET_KEY, repr=False)

    @contextmanager
    def client(self, endpoint: str | None = None, **config: Any) -> Iterator[Any]:
        """A boto3 client of this store, or of a proxy in front of it (`endpoint`)."""
        session = boto3.session.Session(
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key, region_name=REGION
        )
        settings = {"retries": {"max_attempts": 0}, **config}
        made = session.client("s3", endpoint_url=endpoint or self.endpoint, config=botocore.config.Config(**settings))
        with closing(made):
            yield made

    def object_store(self, **changes: Any) -> S3ObjectStore:
        """Our own client, with fewer and shorter retries."""
        settings = {
            "endpoint_url": self.endpoint,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "retry": RetryPolicy(patience_seconds=0.2, first_wait_seconds=0.05),
            **changes,
        }
        return S3ObjectStore(**settings)


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The embedded store."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    process = SeaweedProcess(folder / "data", folder / "log", IDENTITY)
    try:
        endpoint = process.start()
    except EmbeddedStoreFailed as error:
        missing(str(error))
    yield S3Server(endpoint=endpoint)
    process.stop()


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A MinIO server with ACCESS_KEY and SECRET_KEY."""
    binary = _minio_binary()
    folder = tmp_path_factory.mktemp("minio")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "MINIO_ROOT_USER": ACCESS_KEY,
        "MINIO_ROOT_PASSWORD": SECRET_KEY,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    command = [binary, "server", "--quiet", "--address", address, str(folder / "data")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"MinIO at {address}", lambda: process.poll() is not None or _is_ready(address))
        assert process.poll() is None, (folder / "log").read_text()
        yield S3Server(endpoint=f"http://{address}")
    finally:
        process.terminate()
        process.wait()


def _minio_binary() -> str:
    """The binary from the environment or the cache. `scripts/minio.sh` builds it, which takes minutes."""
    named = os.environ.get("PROCESSING_EMULATOR_TEST_MINIO")
    if named:
        return named
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "processing-emulator" / "bin"
    built = sorted(path for path in cache.glob("minio-v*") if path.is_file() and os.access(path, os.X_OK))
    if not built:
        missing(f"no MinIO in {cache}: run scripts/minio.sh, or set PROCESSING_EMULATOR_TEST_MINIO")
    return str(built[-1])


def _is_ready(address: str) -> bool:
    with closing(HTTPConnection(address, timeout=2)) as connection, suppress(OSError):
        connection.request("GET", "/minio/health/ready")
        return connection.getresponse().status == 200
    return False


@pytest.fixture(scope="session")
def seaweedfs_endpoint(seaweedfs: S3Server) -> str:
    """The URL of the embedded store, which requires ACCESS_KEY and SECRET_KEY."""
    return seaweedfs.endpoint


@pytest.fixture(scope="session")
def minio_endpoint(minio: S3Server) -> str:
    """The URL of MinIO, which requires ACCESS_KEY and SECRET_KEY."""
    return minio.endpoint


@pytest.fixture(params=["seaweedfs", "minio"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Parametrised: each of the stores."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def object_store(s3_server: S3Server) -> Iterator[S3ObjectStore]:
    """Our S3 client for each store."""
    store = s3_server.object_store()
    yield store
    store.close()


@pytest.fixture
def s3_client(s3_server: S3Server) -> Iterator[Any]:
    """A boto3 client for each store."""
    with s3_server.client() as client:
        yield client


@pytest.fixture
def bucket(s3_client: Any) -> str:
    """An empty bucket in each store."""
    return make_bucket(s3_client)


def make_bucket(client: Any) -> str:
    """Create a bucket with a unique name; returns the name."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    client.create_bucket(Bucket=name)
    return name
