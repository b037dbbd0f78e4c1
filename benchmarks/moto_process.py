"""Starts moto's server in a separate process."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.filling import plain_request, stored_name

_SERVER = Path(__file__).with_name("moto_server.py")
_READY_SECONDS = 120.0


@contextmanager
def moto_server(stored: int) -> Iterator[tuple[str, int]]:
    """Run moto's server with `stored` jobs; yields its URL and process id once it answers."""
    python = os.environ.get("PROCESSING_EMULATOR_BENCH_MOTO")
    if python is None:
        raise SystemExit("PROCESSING_EMULATOR_BENCH_MOTO is not set: run this with make bench")
    port = _free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body, tempfile.TemporaryFile() as log:
        json.dump(plain_request("@NAME@"), body)
        body.flush()
        command = [python, str(_SERVER), str(port), str(stored), body.name]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for_answer(url, process)
            yield url, process.pid
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_answer(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait for the first response; moto loads a service at its first request, which takes seconds."""
    headers = {
        "X-Amz-Target": "SageMaker.DescribeProcessingJob",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260901/us-east-1/sagemaker/aws4_request",
    }
    body = json.dumps({"ProcessingJobName": stored_name(0)}).encode()
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        request = urllib.request.Request(url, data=body, headers=headers)
        try:
            urllib.request.urlopen(request, timeout=_READY_SECONDS).close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("moto's server did not start")
