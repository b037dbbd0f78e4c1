"""Runs `processing-emulator serve` as a process, and gives tests clients and helpers for it."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.builders import an_input
from tests.waiting import wait_for

CODE_FOLDER = "/opt/ml/processing/code"
RUN_CODE = ["python3", f"{CODE_FOLDER}/main.py"]
TERMINAL = {"Completed", "Failed", "Stopped"}


class EmulatorProcess:
    """`processing-emulator serve` with its own data directory; can be killed and restarted."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir.parent / "serve.log"
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._port = "0"
        self.url = ""
        self.seconds_to_ready = 0.0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "EmulatorProcess":
        """Start the server and wait for its line `Ready. URL`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PROCESSING_EMULATOR_"))}
        environment |= {f"PROCESSING_EMULATOR_{name.upper()}": value for name, value in self.settings.items()}
        command = [
            sys.executable,
            "-m",
            "processing_emulator",
            "serve",
            "--port",
            self._port,
            "--data-dir",
            str(self.data_dir),
        ]
        log = self.log_path.open("ab")
        began = time.monotonic()
        with log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        line = self._first_line(60.0)
        self.seconds_to_ready = time.monotonic() - began
        match = re.fullmatch(r"Ready\. (http://\S+:(\d+))", line)
        assert match, f"the server printed {line!r}; its log: {self.log()[-2000:]}"
        self.url, self._port = match[1], match[2]
        return self

    def _first_line(self, timeout_seconds: float) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_seconds)
        return self._process.stdout.readline().decode().strip() if ready else ""

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """Kill the process with SIGKILL, as in a crash."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stop it as Ctrl-C does; returns the exit code."""
        return self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        code = self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return code

    def client(
        self,
        service: str,
        *,
        account: str = "test",
        region: str = "us-east-1",
        credentials: tuple[str, str, str] | None = None,
        **config: Any,
    ) -> Any:
        """A boto3 client. `credentials` are temporary: access key, secret key, session token.

        A client of a store of the user's own has the keys of that store.
        """
        keys: tuple[str, str, str | None] = credentials or (account, "secret", None)
        if service == "s3" and credentials is None and "s3_endpoint" in self.settings:
            keys = (self.settings["s3_access_key"], self.settings["s3_secret_key"], None)
        access_key, secret_key, session_token = keys
        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60, **config),
        )

    def stage_code(self, name: str, code: str) -> dict[str, Any]:
        """Upload a program; returns the input for CODE_FOLDER. (An entrypoint argument has at most 256 characters.)"""
        self.client("s3").put_object(Bucket="bkt", Key=f"code/{name}/main.py", Body=code.encode())
        return an_input("code", f"s3://bkt/code/{name}/main.py", CODE_FOLDER)

    def control(self, path: str) -> Mapping[str, Any]:
        """GET a JSON document below /_emulator."""
        with urllib.request.urlopen(f"{self.url}/_emulator/{path}", timeout=30) as answer:
            document: Mapping[str, Any] = json.load(answer)
            return document

    def log_lines(self, name: str) -> list[str]:
        """All events of a job's log; each is a line, unless the job has printed indented ones."""
        lines: list[str] = []
        while True:
            page = self.control(f"jobs/{name}/logs?from={len(lines)}&limit=1000")["events"]
            lines += [event["message"] for event in page]
            if not page:
                return lines

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client("sagemaker").describe_processing_job(ProcessingJobName=name)
        return answer

    def wait_for_status(self, name: str, statuses: set[str], timeout_seconds: float = 60.0) -> dict[str, Any]:
        sagemaker = self.client("sagemaker")

        def probe() -> dict[str, Any] | None:
            answer: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
            return answer if answer["ProcessingJobStatus"] in statuses else None

        return wait_for(f"{name} to be {' or '.join(sorted(statuses))}", probe, timeout_seconds)

    def wait_for_end(self, name: str, timeout_seconds: float = 60.0) -> dict[str, Any]:
        return self.wait_for_status(name, TERMINAL, timeout_seconds)

    def wait_for_phase(self, name: str, phase: str, timeout_seconds: float = 60.0) -> None:
        wait_for(
            f"{name} to be {phase}", lambda: self.control(f"jobs/{name}")["phase"] == phase or None, timeout_seconds
        )
