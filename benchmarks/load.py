"""Load generation with wrk, which is compiled and so takes little CPU from the servers on the same machine."""

import json
import random
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.filling import plain_request

SCRIPT = Path(__file__).with_name("load.lua")
CONNECTIONS = 16

What = Literal["describe", "create", "list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The result of a round. `p99_ms` is the 99th percentile of the latency."""

    requests: int
    per_second: float
    p99_ms: float


def load(url: str, what: What, *, stored: int, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Run one round against one server. Exits when a request fails."""
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is missing: make bench fetches it, or install it (apt-get install wrk)")
    prefix = f"new-{random.randrange(16**8):08x}-"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body:
        json.dump(plain_request("@NAME@"), body)
        body.flush()
        command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), url, "--"]
        arguments = [what, str(stored), prefix, body.name, str(random.randrange(2**31))]
        done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
    result = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    requests, microseconds, errors, p99_us = (int(word) for word in result.split()[1:])
    if errors or not requests:
        raise SystemExit(f"{errors} of {requests} requests to {url} failed: {what}\n{done.stdout}")
    return Load(requests=requests, per_second=requests / (microseconds / 1e6), p99_ms=p99_us / 1000)
