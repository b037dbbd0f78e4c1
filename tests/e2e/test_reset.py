"""Resets of a real server with containers: when the reset answers, everything is gone and a Create works."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from tests.builders import a_request, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import EmulatorProcess
from tests.fixtures_s3 import ACCESS_KEY, SECRET_KEY, S3Server, make_bucket
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def _post(server: EmulatorProcess, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"{server.url}{path}", method="POST", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def _create(server: EmulatorProcess, name: str, *entrypoint: str, account: str = "test", **changes: Any) -> None:
    request = a_request(name, entrypoint=list(entrypoint or ("sleep", "300")), **changes)
    server.client("sagemaker", account=account).create_processing_job(**request)


def _names(server: EmulatorProcess, account: str = "test") -> list[str]:
    answer = server.client("sagemaker", account=account).list_processing_jobs()
    return [job["ProcessingJobName"] for job in answer["ProcessingJobSummaries"]]


def _fill(server: EmulatorProcess) -> None:
    """Create a running, a waiting and an ended job, one in another account, and an object."""
    server.client("s3").create_bucket(Bucket="bkt")
    server.client("s3").put_object(Bucket="bkt", Key="k", Body=b"x")
    _create(server, "ended", "true")
    server.wait_for_end("ended")
    _create(server, "large", instance_type="ml.m5.24xlarge")
    server.wait_for_phase("large", "Running")
    _create(server, "waits")
    _create(server, "other", account="111111111111")


def test_reset_removes_everything_and_frees_the_names(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _fill(server)

    status, answer = _post(server, "/_emulator/reset")

    assert (status, answer["status"]) == (200, "ok")
    assert answer["jobs"] == {"removed": 4, "leftovers": 2}
    assert answer["s3"] == {"buckets": ["bkt"], "leftAlone": False}
    assert leftovers(server) == []
    assert _names(server) == _names(server, "111111111111") == []
    assert server.client("s3").list_buckets()["Buckets"] == []
    assert server.control("health")["services"]["scheduler"]["running"] == 0
    server.client("s3").create_bucket(Bucket="bkt")
    script = "echo again; echo 1 > /opt/ml/processing/output/x"
    _create(server, "large", "sh", "-c", script, outputs=[an_output()])
    assert server.wait_for_end("large")["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("large") == ["again"]
    assert server.client("s3").get_object(Bucket="bkt", Key="out/x")["Body"].read() == b"1\n"
    assert server.stop() == 0
    assert leftovers(server) == []


def test_scope_limits_the_reset(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _fill(server)
    assert _post(server, "/_emulator/reset?scope=s3")[1]["s3"]["buckets"] == ["bkt"]
    assert sorted(_names(server)) == ["ended", "large", "waits"]
    assert server.control("jobs/large")["phase"] == "Running"
    server.client("s3").create_bucket(Bucket="bkt")
    assert _post(server, "/_emulator/reset?scope=jobs")[1]["jobs"] == {"removed": 4, "leftovers": 2}
    server.client("s3").head_bucket(Bucket="bkt")
    assert leftovers(server) == []


def test_reset_applies_the_seed_and_refuses_an_invalid_one(tmp_path: Path, docker_engine: None) -> None:
    seed = tmp_path / "seed"
    (seed / "raw-data").mkdir(parents=True)
    (seed / "raw-data" / "a.csv").write_text("1,2")
    server = EmulatorProcess(tmp_path / "data", seed=str(seed))
    try:
        s3 = server.start().client("s3")
        s3.put_object(Bucket="raw-data", Key="a.csv", Body=b"mine")
        s3.create_bucket(Bucket="mine")
        assert _post(server, "/moto-api/reset")[1]["seed"] == {"buckets": 1, "objects": 1, "kept": 0}
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["raw-data"]
        assert s3.get_object(Bucket="raw-data", Key="a.csv")["Body"].read() == b"1,2"
        (seed / "Bad").mkdir()
        s3.create_bucket(Bucket="kept")
        status, answer = _post(server, "/_localstack/state/reset")
        assert status == 409
        assert "'Bad' cannot be the name of a bucket" in answer["error"]
        s3.head_bucket(Bucket="kept")
        assert server.stop() == 0
    finally:
        server.kill()


def test_external_store_is_emptied_only_with_external_true(
    tmp_path: Path, docker_engine: None, minio: S3Server
) -> None:
    keys = {"s3_endpoint": minio.endpoint, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
    server = EmulatorProcess(tmp_path / "data", **keys)
    try:
        server.start()
        with minio.client() as client:
            bucket = make_bucket(client)
            client.put_object(Bucket=bucket, Key="k", Body=b"x")
            assert _post(server, "/_emulator/reset")[1]["s3"] == {"buckets": [], "leftAlone": True}
            status, answer = _post(server, "/_emulator/reset?scope=s3")
            assert (status, "external=true" in answer["error"]) == (409, True)
            client.head_object(Bucket=bucket, Key="k")
            assert bucket in _post(server, "/_emulator/reset?scope=s3&external=true")[1]["s3"]["buckets"]
            assert client.list_buckets()["Buckets"] == []
        assert server.stop() == 0
    finally:
        server.kill()


def test_clients_that_call_during_resets_get_no_server_error(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    over = threading.Event()
    failures: list[str] = []
    ready = threading.Barrier(3)  # an empty store would be reset before the clients have begun

    def call(number: int) -> int:
        """Create, describe and store without pause; returns the number of rounds. Client errors are expected."""
        sagemaker, s3, count = server.client("sagemaker"), server.client("s3"), 0
        s3.create_bucket(Bucket=f"before-{number}")
        ready.wait(60)
        while not over.is_set():
            count += 1
            request = a_request(f"job-{number}-{count}", entrypoint=["sleep", "300"])
            bucket = f"bucket-{number}"
            acts: list[Callable[[], object]] = [
                partial(sagemaker.create_processing_job, **request),
                partial(sagemaker.describe_processing_job, ProcessingJobName=request["ProcessingJobName"]),
                partial(s3.create_bucket, Bucket=bucket),
                partial(s3.put_object, Bucket=bucket, Key="k", Body=b"x"),
            ]
            for act in acts:
                try:
                    act()
                except botocore.exceptions.ClientError as error:
                    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                    code = error.response["Error"]["Code"]
                    if status >= 500 and code != "ServiceUnavailable":
                        failures.append(str(error))
                except botocore.exceptions.HTTPClientError as error:
                    failures.append(str(error))
        return count

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(call, number) for number in range(2)]
        try:
            ready.wait(60)
            resets = [pool.submit(_post, server, "/_emulator/reset") for _ in range(4)]
            assert [reset.result(120)[0] for reset in resets] == [200] * 4
        finally:
            over.set()
        assert all(caller.result(60) > 0 for caller in callers)
    assert failures == []
    assert _post(server, "/_emulator/reset")[0] == 200
    assert leftovers(server) == []
    assert _names(server) == []
    assert server.stop() == 0


@pytest.mark.parametrize("after", ["jobs released", "rows deleted", "store moved away"])
def test_server_killed_during_a_reset_starts_cleanly(fresh_server: EmulatorProcess, after: str) -> None:
    server = fresh_server.start()
    _fill(server)
    moved = server.data_dir / "s3.gone"

    def reached() -> bool | None:
        if reset.done():  # the reset was faster than this poll
            return True
        if after == "store moved away":
            return moved.exists() or not (server.data_dir / "s3" / "process.json").exists() or None
        if after == "rows deleted":
            return server.control("health")["services"]["scheduler"]["running"] == 0 or None
        return True

    with ThreadPoolExecutor(1) as pool:
        reset = pool.submit(_post, server, "/_emulator/reset")
        wait_for(after, reached)
        server.kill()
        assert reset.exception(30) is not None or reset.result()[0] == 200
    server.start()
    names = _names(server)
    assert names == [] or sorted(names) == ["ended", "large", "waits"]
    if not names:
        wait_for("containers of the deleted jobs to be removed", lambda: not leftovers(server) or None)
    assert [bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]] in ([], ["bkt"])
    assert not moved.exists()
    assert _post(server, "/_emulator/reset")[0] == 200
    assert leftovers(server) == []
    _create(server, "large", "true")
    assert server.wait_for_end("large")["ProcessingJobStatus"] == "Completed"
    assert server.stop() == 0


def test_web_pages_cannot_reset(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _create(server, "kept", "true")
    for path in ("/_emulator/reset", "/_localstack/state/reset", "/moto-api/reset"):
        assert _post(server, path, Origin="https://example.com")[0] == 403
        assert _post(server, path, Host="example.com")[0] == 403
    assert _names(server) == ["kept"]
    server.wait_for_end("kept")


def test_buckets_named_like_reset_endpoints_work(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="moto-api")
    upload = s3.create_multipart_upload(Bucket="moto-api", Key="reset")["UploadId"]
    part = s3.upload_part(Bucket="moto-api", Key="reset", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="moto-api", Key="reset", UploadId=upload, MultipartUpload=parts)
    s3.create_bucket(Bucket="health")
    assert s3.get_object(Bucket="moto-api", Key="reset")["Body"].read() == b"x"


def test_reset_without_docker_deletes_jobs_and_warns(tmp_path: Path) -> None:
    server = EmulatorProcess(tmp_path / "data", docker_host=f"unix://{tmp_path}/none.sock")
    try:
        server.start()
        _create(server, "waits")
        status, answer = _post(server, "/_emulator/reset")
        assert (status, answer["jobs"]["removed"]) == (200, 1)
        assert f"{tmp_path}/none.sock" in answer["warning"]
        assert _names(server) == []
        health = server.control("health")
        assert health["status"] == "degraded"
        assert "processing-emulator doctor" in health["services"]["docker"]["hint"]
        assert server.stop() == 0
    finally:
        server.kill()
