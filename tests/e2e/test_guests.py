"""Code in a container gets AWS services from the emulator, and nothing of `/_emulator/`."""

import json

import pytest

from tests.builders import a_request
from tests.e2e.server import RUN_CODE, EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

ASKS = """
import json, os, urllib.error, urllib.request
found = {}
for method, path in ASKED:
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, method=method)
    try:
        found[path] = urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        found[path] = error.code
target = {"X-Amz-Target": "SageMaker.ListProcessingJobs", "Content-Type": "application/x-amz-json-1.1"}
request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], data=b"{}", headers=target)
jobs = json.load(urllib.request.urlopen(request))["ProcessingJobSummaries"]
print(json.dumps({**found, "names": [job["ProcessingJobName"] for job in jobs]}))
"""


JOBS, RESET, HEALTH = ("GET", "/_emulator/jobs"), ("POST", "/_emulator/reset"), ("GET", "/_emulator/health")


def _asks(server: EmulatorProcess, name: str, *asked: tuple[str, str]) -> dict[str, object]:
    server.client("s3").create_bucket(Bucket="bkt")
    code = server.stage_code(name, f"ASKED = {asked!r}\n{ASKS}")
    server.client("sagemaker").create_processing_job(**a_request(name, entrypoint=RUN_CODE, inputs=[code]))
    server.wait_for_end(name)
    found: dict[str, object] = json.loads("".join(server.log_lines(name)))
    return found


def test_container_reaches_aws_services_only(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()

    found = _asks(server, "asks", JOBS, RESET, HEALTH)

    assert found == {"/_emulator/jobs": 403, "/_emulator/reset": 403, "/_emulator/health": 403, "names": ["asks"]}


def test_setting_opens_the_own_endpoints_to_containers(fresh_server: EmulatorProcess) -> None:
    fresh_server.settings["container_admin"] = "true"
    server = fresh_server.start()

    assert _asks(server, "allowed", HEALTH)["/_emulator/health"] == 200
