"""Every kind of input on one and on three hosts, from both S3 stores: what each finds and leaves (spec 3, 4)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import CODE_FOLDER, RUN_CODE, EmulatorProcess
from tests.fixtures_s3 import ACCESS_KEY, SECRET_KEY, S3Server

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

KEYS = ("in/", "in/a", "in/b", "in/d/1", "in/d/2", "in/e", "lone/x.csv", "marker/", "pre-1", "pre/2")
MANIFEST = [{"prefix": "s3://distribution/in/"}, "d/2", "a", "d/1"]
SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}
MANIFESTED = {"S3DataType": "ManifestFile", "S3Uri": "s3://distribution/manifests/m.json"}

INPUTS: dict[str, tuple[dict[str, str], list[list[str]]]] = {
    "prefix": ({"S3Uri": "s3://distribution/in/"}, [["a", "b", "d/", "d/1", "d/2", "e"]] * 3),
    "sharded": ({"S3Uri": "s3://distribution/in/", **SHARDED}, [["a", "d/", "d/2"], ["b", "e"], ["d/", "d/1"]]),
    "plain": ({"S3Uri": "s3://distribution/pre"}, [["2", "pre-1"]] * 3),
    "manifest": (MANIFESTED, [["a", "d/", "d/1", "d/2"]] * 3),
    "manifest-sharded": ({**MANIFESTED, **SHARDED}, [["a"], ["d/", "d/1"], ["d/", "d/2"]]),
    "object": ({"S3Uri": "s3://distribution/lone/x.csv"}, [["x.csv"]] * 3),
    "object-sharded": ({"S3Uri": "s3://distribution/lone/x.csv", **SHARDED}, [["x.csv"], [], []]),
    "marker": ({"S3Uri": "s3://distribution/marker/"}, [[], [], []]),
}
"""By name: the members of S3Input, and what each of three hosts finds. One host finds what all three find together."""

LIST = """
import json, pathlib
root = pathlib.Path("/opt/ml/processing")
me = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
seen = {}
for folder in sorted((root / "in").iterdir()):
    paths = (f"{path.relative_to(folder)}{'/' if path.is_dir() else ''}" for path in folder.rglob("*"))
    seen[folder.name] = sorted(paths)
(root / "output" / f"{me}.json").write_text(json.dumps(seen))
(root / "continuous" / "deep").mkdir()
(root / "continuous" / "deep" / me).write_text(me)
"""


def inputs() -> list[dict[str, Any]]:
    members = {"S3DataType": "S3Prefix", "S3InputMode": "File"}
    return [
        {"InputName": name, "S3Input": {**members, "LocalPath": f"/opt/ml/processing/in/{name}", **s3}}
        for name, (s3, _) in INPUTS.items()
    ]


def expected(hosts: int) -> list[dict[str, list[str]]]:
    """What each host finds."""
    if hosts == 1:
        return [{name: sorted({path for host in seen for path in host}) for name, (_, seen) in INPUTS.items()}]
    return [{name: seen[index] for name, (_, seen) in INPUTS.items()} for index in range(hosts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A server and a client of its S3 store, whose bucket has the objects."""

    server: EmulatorProcess
    s3: Any


@pytest.fixture(scope="module", params=["seaweedfs", "minio"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, docker_engine: None
) -> Iterator[Filled]:
    """One for each store."""
    settings = {}
    if request.param == "minio":
        store: S3Server = request.getfixturevalue("minio")
        settings = {"s3_endpoint": store.endpoint, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
    data: Path = tmp_path_factory.mktemp(request.param) / "data"
    server = EmulatorProcess(data, **settings).start()
    try:
        s3 = server.client("s3", credentials=(ACCESS_KEY, SECRET_KEY, "") if settings else None)
        s3.create_bucket(Bucket="distribution")
        for key in KEYS:
            s3.put_object(Bucket="distribution", Key=key, Body=b"" if key.endswith("/") else key.encode())
        s3.put_object(Bucket="distribution", Key="manifests/m.json", Body=json.dumps(MANIFEST).encode())
        s3.put_object(Bucket="distribution", Key="code/main.py", Body=LIST.encode())
        yield Filled(server=server, s3=s3)
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.mark.parametrize("hosts", [1, 3])
def test_14_what_hosts_find_and_leave(filled: Filled, hosts: int) -> None:
    name = f"hosts-{hosts}"
    continuous = an_output("continuous", f"s3://distribution/{name}/continuous", "/opt/ml/processing/continuous")
    continuous["S3Output"]["S3UploadMode"] = "Continuous"
    request = a_request(
        name,
        hosts=hosts,
        entrypoint=RUN_CODE,
        inputs=[an_input("code", "s3://distribution/code/main.py", CODE_FOLDER), *inputs()],
        outputs=[an_output(uri=f"s3://distribution/{name}/end"), continuous],
    )
    filled.server.client("sagemaker").create_processing_job(**request)
    described = filled.server.wait_for_end(name, 120)
    assert described["ProcessingJobStatus"] == "Completed", described

    s3 = filled.s3
    found = {item["Key"] for item in s3.list_objects_v2(Bucket="distribution", Prefix=f"{name}/")["Contents"]}
    names = [f"algo-{number + 1}" for number in range(hosts)]
    assert found == {f"{name}/end/{host}.json" for host in names} | {f"{name}/continuous/deep/{host}" for host in names}
    listings = [s3.get_object(Bucket="distribution", Key=f"{name}/end/{host}.json")["Body"].read() for host in names]
    assert [json.loads(listing) for listing in listings] == expected(hosts)
    assert leftovers(filled.server) == []
