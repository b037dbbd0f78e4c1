"""Continuous outputs on the real engine and store: what is in the bucket while the job runs, and when it has ended."""

import json
from typing import Any

import pytest

from tests.builders import a_request, an_output
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

WORK = """
import json, os, socket, time

me = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
out, events = "/opt/ml/processing/output", "/opt/ml/processing/spark-events"

def go(step):
    while not os.path.exists(f"{out}/go-{step}"):
        time.sleep(0.05)

open(f"{out}/own-{me}", "w").write(me)
open(f"{out}/common", "w").write(me)
open(f"{out}/changing", "w").write("one")
# As the event log of Spark: a copy that is written again, with the end of the name removed.
open(f"{events}/application_1", "w").write("event 1\\n")
os.symlink("/etc/passwd", f"{out}/link")
os.mkfifo(f"{out}/fifo")
os.link(f"{out}/own-{me}", f"{out}/hard-{me}")
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{out}/socket")
os.mknod(f"{out}/device", 0o600 | 0o020000, os.makedev(1, 5))
os.makedirs(f"{out}/swapped")
open(f"{out}/swapped/passwd", "w").write("ours")
open(f"{out}/deleted", "w").write("seen")
go(1)
open(f"{out}/changing", "w").write("two")
open(f"{events}/application_1", "a").write("event 2\\n")
os.remove(f"{out}/deleted")
go(2)
# As fast as it goes: whenever a scan comes, this is a folder, a link, or nothing.
until = time.monotonic() + 3
while time.monotonic() < until:
    os.rename(f"{out}/swapped", f"{out}/hidden")
    os.symlink("/etc", f"{out}/swapped")
    os.unlink(f"{out}/swapped")
    os.rename(f"{out}/hidden", f"{out}/swapped")
open(f"{out}/last", "w").write("last")
open(f"{events}/application_1", "a").write("event 3\\n")
"""


def continuous(name: str, uri: str, path: str) -> dict[str, Any]:
    output = an_output(name, uri, path)
    output["S3Output"]["S3UploadMode"] = "Continuous"
    return output


def objects(server: EmulatorProcess, prefix: str) -> dict[str, bytes]:
    s3 = server.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="bkt", Prefix=prefix).get("Contents", [])]
    return {key.removeprefix(prefix): s3.get_object(Bucket="bkt", Key=key)["Body"].read() for key in keys}


def history(server: EmulatorProcess, name: str, action: str) -> list[dict[str, Any]]:
    return [each["detail"] for each in server.control(f"jobs/{name}")["events"] if each["action"] == action]


def test_two_hosts_upload_while_they_run_and_nothing_but_their_files(server: EmulatorProcess) -> None:
    code = server.stage_code("live", WORK)
    live = continuous("live", "s3://bkt/live", "/opt/ml/processing/output")
    spark = continuous("output-1", "s3://bkt/events/", "/opt/ml/processing/spark-events/")
    request = a_request("live", entrypoint=RUN_CODE, inputs=[code], outputs=[live, spark], hosts=2)
    server.client("sagemaker").create_processing_job(**request)

    first = {
        "own-algo-1",
        "own-algo-2",
        "hard-algo-1",
        "hard-algo-2",
        "common",
        "changing",
        "swapped/passwd",
        "deleted",
    }
    wait_for("the first files", lambda: objects(server, "live/").keys() == first or None, 60)
    wait_for("the event log", lambda: objects(server, "events/") == {"application_1": b"event 1\n"} or None)
    assert objects(server, "live/")["changing"] == b"one"
    assert server.describe("live")["ProcessingJobStatus"] == "InProgress"

    proceed(server, 1)
    wait_for("the change", lambda: objects(server, "live/")["changing"] == b"two" or None)
    wait_for("the event log", lambda: objects(server, "events/")["application_1"] == b"event 1\nevent 2\n" or None)
    proceed(server, 2)

    assert server.wait_for_end("live")["ProcessingJobStatus"] == "Completed", server.control("jobs/live")
    found = objects(server, "live/")
    assert found.keys() - {"hidden/passwd"} == first | {"last", "go-1", "go-2"}
    assert found["swapped/passwd"] == found.get("hidden/passwd", b"ours") == b"ours"
    assert (found["own-algo-1"], found["hard-algo-2"], found["deleted"]) == (b"algo-1", b"algo-2", b"seen")
    assert found["common"] in (b"algo-1", b"algo-2")
    assert objects(server, "events/") == {"application_1": b"event 1\nevent 2\nevent 3\n"}

    told = history(server, "live", "outputs_overwritten")[-1]
    assert told["hosts"] == ["algo-1", "algo-2"]
    assert {"s3://bkt/live/common", "s3://bkt/events/application_1"} <= set(told["examples"])
    assert 2 <= len(history(server, "live", "uploaded_continuously")) <= 4
    assert all(each["unchanged"] >= 5 for each in history(server, "live", "staged_out"))
    skipped = {path for each in history(server, "live", "staged_out") for path in each["skipped"]}
    assert skipped == {f"/opt/ml/processing/output/{name}" for name in ("link", "fifo", "socket", "device")}
    assert json.dumps([*found.values()], default=bytes.decode).count("root:x:0:0") == 0


def proceed(server: EmulatorProcess, step: int) -> None:
    """Let the containers go on."""
    (folder,) = [path for path in (server.data_dir / "jobs").iterdir() if path.name.isdecimal()]
    for host in ("algo-1", "algo-2"):
        (folder / host / "processing" / "output" / f"go-{step}").touch()
