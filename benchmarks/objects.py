"""Put and get of 1 GiB through the emulator next to the embedded store directly, and the server's peak memory.

curl transfers the bytes with presigned URLs; the two alternate.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import boto3
import psutil

from benchmarks.memory import peak_memory
from benchmarks.table import row, seconds
from tests.e2e.server import EmulatorProcess

SIZE_MIB = 1024
ROUNDS = 2
MIB = 1024**2


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        with source.open("wb") as file:
            for _ in range(SIZE_MIB):
                file.write(os.urandom(MIB))
        server = EmulatorProcess(Path(folder) / "data").start()
        try:
            _compare(server, source)
        finally:
            server.stop()


def _compare(server: EmulatorProcess, source: Path) -> None:
    direct_url = server.control("health")["services"]["s3"]["endpoint"]
    ours, direct = server.client("s3"), _client(direct_url)
    ours.create_bucket(Bucket="bkt")
    process = psutil.Process(server.pid)
    before = process.memory_info().rss / 1e6
    puts: list[tuple[float, float]] = []
    gets: list[tuple[float, float]] = []
    with peak_memory(process) as peak:
        for _ in range(ROUNDS):
            puts.append((seconds(lambda: _put(ours, source)), seconds(lambda: _put(direct, source))))
            gets.append((seconds(lambda: _get(ours)), seconds(lambda: _get(direct))))
    for what, pairs in (("put", puts), ("get", gets)):
        row(f"{what} of 1 GiB through the emulator", [SIZE_MIB / mine for mine, _ in pairs], "MiB/s")
        row(f"{what} of 1 GiB at the store directly", [SIZE_MIB / its for _, its in pairs], "MiB/s")
        row("ratio of the two, pair by pair", [its / mine for mine, its in pairs], "x", "throughput")
    row("peak memory of the server during the transfers", [peak[0]], "MB", f"{before:.0f} MB before")


def _client(url: str) -> Any:
    keys = {"aws_access_key_id": "emulator", "aws_secret_access_key": "emulator-secret"}  # the defaults for staging
    return boto3.session.Session().client("s3", endpoint_url=url, region_name="us-east-1", **keys)


def _put(client: Any, source: Path) -> None:
    url = client.generate_presigned_url("put_object", Params={"Bucket": "bkt", "Key": "large"})
    _curl("--upload-file", str(source), url)


def _get(client: Any) -> None:
    _curl("--output", os.devnull, client.generate_presigned_url("get_object", Params={"Bucket": "bkt", "Key": "large"}))


def _curl(*arguments: str) -> None:
    subprocess.run(["curl", "--silent", "--show-error", "--fail", *arguments], check=True)
