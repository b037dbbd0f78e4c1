"""A store that is away for a time, and a server that is killed, in the middle of a download, of a continuous upload and
of the upload at the end: the job completes, every object is right, and nothing is left behind.
"""

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from processing_emulator.adapters.seaweedfs.process import SeaweedProcess
from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.fixtures_s3 import IDENTITY, S3Server
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

AWAY_SECONDS = float(os.environ.get("PROCESSING_EMULATOR_TEST_AWAY_SECONDS", "5"))
MIB = 1024**2
LARGE = 128 * MIB  # several parts
HELD_IN = [f"in/large-{number}" for number in range(2)]
HELD_OUT = [f"large-{number}" for number in range(2)]

COPY = """
import glob, hashlib, json, os, time

def write(folder, block):
    for number in range(2):
        with open(f"{folder}/large-{number}", "wb") as file:
            for count in range(100):
                file.write((number * 1000 + count).to_bytes(4, "big") + block * (1024**2 // len(block)) + b"end!")

digests = {}
for path in glob.glob("/opt/ml/processing/input/*"):
    with open(path, "rb") as file:
        digests[os.path.basename(path)] = hashlib.file_digest(file, "sha256").hexdigest()
for number in range(200):
    open(f"/opt/ml/processing/live/small-{number}", "w").write(str(number))
write("/opt/ml/processing/live", b"live")
while not os.path.exists("/opt/ml/processing/late/go"):
    time.sleep(0.1)
json.dump(digests, open("/opt/ml/processing/late/digests", "w"))
write("/opt/ml/processing/late", b"late")
"""


class Site:
    """A server with a store of the user's own, both of which can be interrupted."""

    def __init__(self, server: EmulatorProcess, store: SeaweedProcess, client: Any) -> None:
        self.server = server
        self.store = store
        self.client = client

    def freeze_store(self) -> None:
        """Whatever is being transferred stays where it is."""
        os.kill(self.store.pid or 0, signal.SIGSTOP)

    def take_store_away(self) -> None:
        """The store dies, and is back after a while."""
        os.kill(self.store.pid or 0, signal.SIGKILL)
        back_at = time.monotonic() + AWAY_SECONDS
        wait_for("the end of the outage", lambda: time.monotonic() > back_at, 2 * AWAY_SECONDS + 5)
        wait_for("the store", self.store.restart_if_exited)

    def kill_server(self) -> None:
        """The server dies, and is started again."""
        self.server.kill()
        os.kill(self.store.pid or 0, signal.SIGCONT)
        self.server.start()

    def unfinished_uploads(self) -> list[str]:
        return [each["Key"] for each in self.client.list_multipart_uploads(Bucket="bkt").get("Uploads", [])]

    def digest(self, key: str) -> str:
        body = self.client.get_object(Bucket="bkt", Key=key)["Body"]
        sum_ = hashlib.sha256()
        for chunk in body.iter_chunks(MIB):
            sum_.update(chunk)
        return sum_.hexdigest()


@pytest.fixture
def site(tmp_path: Path, docker_engine: None) -> Iterator[Site]:
    store = SeaweedProcess(tmp_path / "store", tmp_path / "store.log", IDENTITY)
    endpoint = store.start()
    server = EmulatorProcess(
        tmp_path / "data",
        s3_endpoint=endpoint,
        s3_access_key=IDENTITY.access_key,
        s3_secret_key=IDENTITY.secret_key,
        continuous_upload_interval_seconds="0.3",
    )
    try:
        server.start()
        reached = S3Server(endpoint=endpoint, access_key=IDENTITY.access_key, secret_key=IDENTITY.secret_key)
        with reached.client() as client:
            client.create_bucket(Bucket="bkt")
            yield Site(server, store, client)
    finally:
        server.kill()
        if store.pid is not None and psutil.Process(store.pid).status() == psutil.STATUS_STOPPED:
            os.kill(store.pid, signal.SIGCONT)
        store.stop()


def content(number: int, word: bytes) -> Iterator[bytes]:
    """What COPY writes."""
    for count in range(100):
        yield (number * 1000 + count).to_bytes(4, "big") + word * (MIB // len(word)) + b"end!"


def digest_of(chunks: Iterator[bytes]) -> str:
    sum_ = hashlib.sha256()
    for chunk in chunks:
        sum_.update(chunk)
    return sum_.hexdigest()


def bytes_of_jobs(server: EmulatorProcess) -> int:
    """What has been downloaded, wherever it lies in the data directory."""
    sizes = []
    for path in server.data_dir.rglob("*"):
        try:
            sizes.append(path.lstat().st_blocks * 512)
        except OSError:
            continue
    return sum(sizes)


def put_inputs(site: Site, folder: Path) -> dict[str, str]:
    """Large objects below `in/`; their digests by name."""
    digests = {}
    for key in HELD_IN:
        path = folder / Path(key).name
        with path.open("wb") as file:
            for _ in range(LARGE // MIB):
                file.write(os.urandom(4096) * 256)
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        site.client.upload_file(str(path), "bkt", key)
        path.unlink()
    return digests


@pytest.mark.parametrize("interrupt", [Site.take_store_away, Site.kill_server], ids=["store away", "server killed"])
def test_interruptions_in_every_transfer_lose_and_leave_nothing(
    site: Site, tmp_path: Path, interrupt: Callable[[Site], None]
) -> None:
    server = site.server
    digests = put_inputs(site, tmp_path)
    site.client.put_object(Bucket="bkt", Key="code/main.py", Body=COPY.encode())
    live = an_output("live", "s3://bkt/live", "/opt/ml/processing/live/")
    live["S3Output"]["S3UploadMode"] = "Continuous"
    late = an_output("late", "s3://bkt/late", "/opt/ml/processing/late")
    code = an_input("code", "s3://bkt/code/main.py", "/opt/ml/processing/code")
    request = a_request("held", entrypoint=RUN_CODE, inputs=[an_input(), code], outputs=[live, late], volume_gib=4)

    empty = bytes_of_jobs(server)
    server.client("sagemaker").create_processing_job(**request)
    wait_for("the download to begin", lambda: bytes_of_jobs(server) > empty + 16 * MIB)
    site.freeze_store()
    assert server.control("jobs/held")["phase"] == "StagingIn"
    interrupt(site)

    wait_for("a continuous upload to begin", lambda: any(key.startswith("live/") for key in site.unfinished_uploads()))
    site.freeze_store()
    assert server.control("jobs/held")["phase"] == "Running"
    interrupt(site)
    wait_for("the continuous uploads", lambda: stored(site, "live/") == 202 or None, 90)

    (job_folder,) = (server.data_dir / "jobs").iterdir()
    (job_folder / "algo-1" / "processing" / "late" / "go").touch()
    wait_for("the upload to begin", lambda: any(key.startswith("late/") for key in site.unfinished_uploads()))
    site.freeze_store()
    assert server.control("jobs/held")["phase"] == "StagingOut"
    interrupt(site)

    answer = server.wait_for_end("held", 120)
    assert answer["ProcessingJobStatus"] == "Completed", answer
    assert json.loads(site.client.get_object(Bucket="bkt", Key="late/digests")["Body"].read()) == digests
    for number in range(2):
        for word in ("live", "late"):
            assert site.digest(f"{word}/large-{number}") == digest_of(content(number, word.encode()))
    for number in range(0, 200, 17):
        assert site.client.get_object(Bucket="bkt", Key=f"live/small-{number}")["Body"].read() == b"%d" % number
    assert (stored(site, "live/"), stored(site, "late/")) == (202, 4)
    wait_for("the aborts of multipart uploads", lambda: not site.unfinished_uploads(), 20)
    assert list((server.data_dir / "multipart-uploads").iterdir()) == []
    assert leftovers(server) == []
    events = {event["action"]: event["detail"] for event in server.control("jobs/held")["events"]}
    assert (events["staged_out"]["objects"], events["staged_out"]["unchanged"]) == (4, 202)


def stored(site: Site, prefix: str) -> int:
    return int(site.client.list_objects_v2(Bucket="bkt", Prefix=prefix)["KeyCount"])
