"""The server that a test run uses, as its tests see it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click import ClickException
from pydantic import SecretStr

from processing_emulator.admin.dashboard.paths import job_path
from processing_emulator.cli.emulator_client import EmulatorClient
from processing_emulator.cli.env import REMOVED, SDK_CONFIG_VARIABLE, client_variables, fast_wait_variables
from processing_emulator.cli.sdk_config import write_sdk_config
from processing_emulator.cli.settings_flags import load_settings
from processing_emulator.config import Settings
from processing_emulator.domain.bucket_place import bucket_place
from processing_emulator.domain.default_account import account_of
from processing_emulator.domain.job import JobKey
from processing_emulator.fast_waits.processing_emulator_fast_waits import install
from processing_emulator.pytest_plugin.run_server import RunServer

DOCKER_SECONDS = 15.0
"""How long a run waits for a Docker engine that does not answer, before its tests fail."""


@dataclass(frozen=True, slots=True)
class SageMakerEmulator:
    """A server. `api` asks it; while the fixture lives, AWS clients in this process and its children call it, too."""

    api: EmulatorClient

    @property
    def url(self) -> str:
        """Where it is."""
        return self.api.url

    @property
    def account(self) -> str:
        """The account of this worker."""
        return self.api.account

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.api.aws(service)

    def page_of(self, job: str) -> str:
        """The address of a job's page in the dashboard."""
        return self.url + job_path(JobKey(account=self.account, region=self.api.region, name=job))

    @contextmanager
    def fault(
        self,
        operation: str,
        code: str,
        *,
        service: str = "sagemaker",
        status: int = 400,
        times: int = 1,
        message: str | None = None,
    ) -> Iterator[None]:
        """Within this, the next `times` requests of this account for an operation get the error `code`."""
        asked = {"service": service, "status": status, "times": times, "message": message, "account": self.account}
        try:
            added = self.api.post("faults", operation=operation, code=code, **asked)
        except ClickException as error:
            pytest.fail(error.message, pytrace=False)
        try:
            yield
        finally:
            self.api.delete(f"faults/{added['id']}")

    def make_bucket(self) -> str:
        """Make a bucket with a new name."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        self.client("s3").create_bucket(Bucket=name, **bucket_place(self.api.region))
        return name

    def remove_bucket(self, name: str) -> None:
        """Remove a bucket and its objects."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            if found := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
                s3.delete_objects(Bucket=name, Delete={"Objects": found})
        s3.delete_bucket(Bucket=name)


@contextmanager
def open_emulator(folder: Path, *, url: str | None, runner: str | None, worker: str) -> Iterator[SageMakerEmulator]:
    """Start or join a server, and point the AWS clients of this process at it. The test fails when there is none."""
    try:
        address = (url or RunServer(folder).start_or_join(runner)).rstrip("/")
        settings = _settings_for(address, worker)
        variables = client_variables(settings)
        api = EmulatorClient(
            url=address,
            account=account_of(variables["AWS_ACCESS_KEY_ID"]),
            region=settings.s3_region,
            access_key=variables["AWS_ACCESS_KEY_ID"],
            secret_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        _require_docker(api)
        folder.mkdir(mode=0o700, exist_ok=True)
        sdk_config = write_sdk_config(settings, folder / f"sagemaker-sdk-{worker or 'main'}.yaml")
    except ClickException as error:
        pytest.fail(error.message, pytrace=False)
    install()
    with pytest.MonkeyPatch.context() as environment:
        for name in REMOVED:
            environment.delenv(name, raising=False)
        for name, value in {**variables, **fast_wait_variables(), SDK_CONFIG_VARIABLE: str(sdk_config)}.items():
            environment.setenv(name, value)
        yield SageMakerEmulator(api)


def _settings_for(url: str, worker: str) -> Settings:
    """The settings of a client. A worker's account is its number; a store or keys of the user's own are for all."""
    parts = urlsplit(url)
    settings = load_settings({"host": parts.hostname, "port": parts.port or 80})
    if settings.s3_endpoint is not None or settings.enforce_signatures or settings.access_keys:
        return settings
    number = int(worker.removeprefix("gw")) + 1 if worker.removeprefix("gw").isdigit() else 0
    return settings.model_copy(update={"access_keys": {f"{number:012d}": SecretStr("emulator")}})


def _require_docker(api: EmulatorClient) -> None:
    """An engine on a busy machine may take some seconds to answer."""
    deadline = time.monotonic() + DOCKER_SECONDS
    while (docker := api.get("health")["services"]["docker"])["status"] != "ok":
        if time.monotonic() > deadline:
            pytest.fail(f"{docker['error']}\nWithout Docker: pytest --emulator-runner simulate", pytrace=False)
        time.sleep(0.5)
