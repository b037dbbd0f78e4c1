"""The command line of SeaweedFS: master, volume, filer and S3 in one process, on loopback, with bounded memory."""

import random
import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path

from processing_emulator.adapters.seaweedfs.identity import IDENTITY_FILE
from processing_emulator.adapters.seaweedfs.sockets import socket_path

LOOPBACK = "127.0.0.1"

FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Below the ephemeral ports, so that no outgoing connection takes a port before SeaweedFS listens on it."""

VOLUME_FOLDER = "volumes"
MASTER_FOLDER = "master"

_VOLUME_SIZE_MIB = 1024
_MOST_VOLUMES = 10_000
"""Each bucket needs a volume; an empty one takes almost no space."""

_CHUNK_MIB = 1
_UPLOADS_MIB = 128
_MEMORY_LIMIT = "384MiB"
"""Together these keep the process near 450 MiB under load, instead of 1.5 GiB with the defaults."""

_INTERNAL_KEYS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)
"""With these keys the volume server refuses blobs and the filer refuses identities without a token. The parts sign for
each other; nothing that is stored depends on a key, so each start makes new ones.
"""

_INTERNAL_SECONDS = "3600"
"""How long a token is good. The default, 10 s, can pass between two steps of an upload when the machine stalls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """A port for each of the four parts, and one for the gRPC interface of each."""

    master: int
    master_grpc: int
    volume: int
    volume_grpc: int
    filer: int
    filer_grpc: int
    s3: int
    s3_grpc: int

    @property
    def sockets(self) -> tuple[Path, ...]:
        """The Unix sockets that come with the gRPC ports."""
        return (
            socket_path("master", self.master_grpc),
            socket_path("volume", self.volume_grpc),
            socket_path("filer", self.filer_grpc),
            socket_path("s3", self.s3_grpc),
        )


def free_ports() -> Ports:
    """Ports that are free at this moment."""
    names = [field.name for field in fields(Ports)]
    found: dict[str, int] = {}
    with ExitStack() as held:
        for port in random.sample(range(FIRST_PORT, LAST_PORT), LAST_PORT - FIRST_PORT):
            if len(found) == len(names):
                break
            probe = held.enter_context(socket.socket())
            with suppress(OSError):  # taken
                probe.bind((LOOPBACK, port))
                found[names[len(found)]] = port
    return Ports(**found)


def arguments(binary: Path, ports: Ports) -> list[str]:
    """The command line. Folders are relative to the working directory, since SeaweedFS splits paths at commas."""
    return [
        str(binary),
        "-logtostderr=true",
        "server",
        f"-dir={VOLUME_FOLDER}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        "-filer",
        "-s3",
        # For master and filer: they check no signatures, and a web page could delete buckets with a GET.
        "-disableHttp=true",
        f"-master.dir={MASTER_FOLDER}",
        "-master.peers=none",
        f"-master.port={ports.master}",
        f"-master.port.grpc={ports.master_grpc}",
        "-master.telemetry=false",
        f"-master.volumeSizeLimitMB={_VOLUME_SIZE_MIB}",
        f"-volume.max={_MOST_VOLUMES}",
        f"-volume.port={ports.volume}",
        f"-volume.port.grpc={ports.volume_grpc}",
        "-volume.preStopSeconds=0",
        f"-filer.port={ports.filer}",
        f"-filer.port.grpc={ports.filer_grpc}",
        "-filer.localSocket=filer.sock",
        f"-filer.maxMB={_CHUNK_MIB}",
        "-filer.allowedOrigins=http://localhost",
        f"-s3.port={ports.s3}",
        f"-s3.port.grpc={ports.s3_grpc}",
        "-s3.localSocket=s3.sock",
        f"-s3.config={IDENTITY_FILE}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.allowedOrigins=http://localhost",
        "-s3.domainName=localhost",
        f"-s3.concurrentUploadLimitMB={_UPLOADS_MIB}",
    ]


def environment(data_dir: Path) -> Mapping[str, str]:
    """All of the child's environment. Nothing is inherited: AWS keys would make an identity; WEED_ settings count."""
    return {
        "HOME": str(data_dir),
        "PATH": "/usr/bin:/bin",
        "GOMEMLIMIT": _MEMORY_LIMIT,
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        **{name: secrets.token_hex(32) for name in _INTERNAL_KEYS},
        "WEED_JWT_SIGNING_EXPIRES_AFTER_SECONDS": _INTERNAL_SECONDS,
        "WEED_JWT_SIGNING_READ_EXPIRES_AFTER_SECONDS": _INTERNAL_SECONDS,
        # Uploads may ask for encryption (AES256), which needs a key. It protects nothing: the data directory does.
        "WEED_S3_SSE_KEK": sha256(b"the embedded store keeps no secrets").hexdigest(),
    }
