"""What each host of a job finds in its input folder, for every way an input can be described (spec 3)."""

import json
import threading

import pytest

from processing_emulator.ports import ContainerSpec
from tests.builders import an_input
from tests.fakes.container_script import FakeRun, mounted
from tests.unit.engine.engine_rig import Rig

INPUT = "/opt/ml/processing/input"


def listing(spec: ContainerSpec) -> list[str]:
    """Files and, with a slash at the end, folders below the input's folder."""
    root = mounted(spec, INPUT)
    return sorted(f"{path.relative_to(root)}{'/' if path.is_dir() else ''}" for path in root.rglob("*"))


class SeenByHosts:
    """Runs a job on simulated hosts and collects what each finds."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._lock = threading.Lock()

    def __call__(self, hosts: int, **s3: str) -> list[list[str]]:
        """The listing of each host, for an input with these members of S3Input; the job must complete."""
        seen: dict[str, list[str]] = {}
        reason = self._run(hosts, seen, s3)
        assert reason is None
        return [seen[f"algo-{number + 1}"] for number in range(hosts)]

    def failure_reason(self, hosts: int, **s3: str) -> str:
        """The FailureReason of a job with this input."""
        reason = self._run(hosts, {}, s3)
        assert reason is not None
        return reason

    def _run(self, hosts: int, seen: dict[str, list[str]], s3: dict[str, str]) -> str | None:
        def work(spec: ContainerSpec) -> None:
            with self._lock:
                seen[spec.hostname] = listing(spec)

        rig = self._rig
        rig.script = lambda spec: FakeRun(work=work)
        rig.host = type(rig.host)(vcpus=8.0)
        rig.start_emulator()
        cluster = {"InstanceCount": hosts, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        source = an_input(path=INPUT)
        source["S3Input"] |= s3
        job = rig.add(ProcessingResources={"ClusterConfig": cluster}, inputs=[source])
        ended = rig.wait_for_end(job)
        assert ended.status == ("Failed" if ended.failure_reason else "Completed")
        return ended.failure_reason


@pytest.fixture
def seen_by_hosts(rig: Rig) -> SeenByHosts:
    return SeenByHosts(rig)


def put(rig: Rig, *keys: str) -> None:
    for key in keys:
        rig.objects.put("bkt", key, b"" if key.endswith("/") else b"x")


SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_replicated_prefix_is_complete_on_every_host(rig: Rig, seen_by_hosts: SeenByHosts, hosts: int) -> None:
    put(rig, "in/a", "in/d/b", "in/empty/")

    assert seen_by_hosts(hosts) == [["a", "d/", "d/b", "empty/"]] * hosts


def test_a_sharded_prefix_is_complete_on_one_host(rig: Rig, seen_by_hosts: SeenByHosts) -> None:
    put(rig, "in/a", "in/b", "in/c")

    assert seen_by_hosts(1, **SHARDED) == [["a", "b", "c"]]


def test_a_sharded_prefix_is_dealt_out_to_the_hosts(rig: Rig, seen_by_hosts: SeenByHosts) -> None:
    put(rig, "in/", "in/a", "in/b", "in/c", "in/d/1", "in/d/2")

    assert seen_by_hosts(3, **SHARDED) == [["a", "d/", "d/1"], ["b", "d/", "d/2"], ["c"]]


def test_a_host_without_objects_has_an_empty_folder(rig: Rig, seen_by_hosts: SeenByHosts) -> None:
    put(rig, "in/only")

    assert seen_by_hosts(3, **SHARDED) == [["only"], [], []]


def test_keys_that_clash_fail_a_sharded_input_on_whichever_host_they_are(rig: Rig, seen_by_hosts: SeenByHosts) -> None:
    put(rig, "in/a", "in/a/b")

    assert seen_by_hosts.failure_reason(3, **SHARDED) == (
        "ClientError: Failed to download data. object key 'in/a' is also the folder of other keys"
    )


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("distribution", ["FullyReplicated", "ShardedByS3Key"])
def test_a_prefix_that_holds_only_its_folder_marker_is_an_empty_folder(
    rig: Rig, seen_by_hosts: SeenByHosts, hosts: int, distribution: str
) -> None:
    put(rig, "in/")

    assert seen_by_hosts(hosts, S3DataDistributionType=distribution) == [[]] * hosts


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_prefix_without_objects_fails_the_job(seen_by_hosts: SeenByHosts, hosts: int) -> None:
    assert seen_by_hosts.failure_reason(hosts, **SHARDED) == (
        "ClientError: Failed to download data. No S3 objects found under s3://bkt/in/"
    )


MANIFEST = {"S3DataType": "ManifestFile", "S3Uri": "s3://meta/m.json"}


def put_manifest(rig: Rig, *elements: object) -> None:
    rig.objects.put("meta", "m.json", json.dumps(elements).encode())


@pytest.mark.parametrize("hosts", [1, 3])
def test_the_objects_of_a_manifest_lie_by_their_suffixes_on_every_host(
    rig: Rig, seen_by_hosts: SeenByHosts, hosts: int
) -> None:
    put(rig, "some/a", "some/d/b", "some/unlisted", "some/empty/")
    put_manifest(rig, {"prefix": "s3://bkt/some/"}, "d/b", "a", "empty/")

    assert seen_by_hosts(hosts, **MANIFEST) == [["a", "d/", "d/b", "empty/"]] * hosts


@pytest.mark.parametrize(("hosts", "found"), [(1, [["a", "b", "c"]]), (3, [["a"], ["b"], ["c"]])])
def test_the_objects_of_a_manifest_are_dealt_out_in_the_order_of_their_keys(
    rig: Rig, seen_by_hosts: SeenByHosts, hosts: int, found: list[list[str]]
) -> None:
    put(rig, "some/a", "some/b", "some/c")
    put_manifest(rig, {"prefix": "s3://bkt/some/"}, "c", "b", "a", "b")

    assert seen_by_hosts(hosts, **MANIFEST, **SHARDED) == found


def test_a_manifest_in_the_prefix_that_it_names_is_not_copied(rig: Rig, seen_by_hosts: SeenByHosts) -> None:
    put(rig, "in/a")
    rig.objects.put("bkt", "in/m.json", json.dumps([{"prefix": "s3://bkt/in/"}, "a"]).encode())

    assert seen_by_hosts(1, S3DataType="ManifestFile", S3Uri="s3://bkt/in/m.json") == [["a"]]


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize(
    ("elements", "text"),
    [
        (
            [{"prefix": "s3://bkt/some/"}, "a", "gone"],
            (
                "HeadObject failed for s3://bkt/some/gone: NoSuchKey (404): The specified key does not exist. "
                "(it is listed in the manifest s3://meta/m.json)"
            ),
        ),
        (
            [{"prefix": "s3://nowhere/"}, "a"],
            (
                "HeadObject failed for s3://nowhere/a: NoSuchBucket (404): The specified bucket does not exist "
                "(it is listed in the manifest s3://meta/m.json)"
            ),
        ),
        (
            [{"prefix": "s3://bkt/some/"}, "../a"],
            "manifest s3://meta/m.json: element 2: object key 'some/../a' has a segment that is no file name",
        ),
        (
            [{"prefix": "s3://bkt/some/"}, "/a"],
            "manifest s3://meta/m.json: element 2: the suffix '/a' is absolute; it must be relative to the prefix",
        ),
        (
            [{"prefix": "s3://bkt"}, "2/a"],
            "manifest s3://meta/m.json: element 2: the suffix '2/a' leads to the bucket 'bkt2'; the prefix is in 'bkt'",
        ),
        (
            ["s3://bkt/some/a"],
            'manifest s3://meta/m.json: its first element must be {"prefix": "s3://..."} and nothing else',
        ),
        (
            [{"prefix": "s3://bkt/some/"}, "a", "a/b"],
            "object key 'some/a' is also the folder of other keys",
        ),
        (
            [{"prefix": "s3://bkt/some"}, "/a", "//a"],
            "object keys 'some/a' and 'some//a' need the same file name",
        ),
    ],
)
def test_a_manifest_with_a_fault_fails_the_job_with_what_to_correct(
    rig: Rig, seen_by_hosts: SeenByHosts, hosts: int, elements: list[object], text: str
) -> None:
    put(rig, "some/a", "some/a/b", "some//a")
    put_manifest(rig, *elements)

    assert seen_by_hosts.failure_reason(hosts, **MANIFEST) == f"ClientError: Failed to download data. {text}"


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        (
            "s3://bkt/no.json",
            "GetObject failed for s3://bkt/no.json: NoSuchKey (404): The specified key does not exist.",
        ),
        ("s3://bkt", "s3://bkt/ names a bucket and no manifest"),
        ("s3://bkt/large", "s3://bkt/large has 16777217 bytes; at most 16777216 are read"),
        (
            "s3://bkt/text",
            (
                "manifest s3://bkt/text: it is not JSON (Expecting value: line 1 column 1 (char 0)); "
                'its form is [{"prefix": "s3://BUCKET/PREFIX/"}, "SUFFIX", ...]'
            ),
        ),
    ],
)
def test_an_object_that_is_no_manifest_fails_the_job(rig: Rig, seen_by_hosts: SeenByHosts, uri: str, text: str) -> None:
    rig.objects.put("bkt", "text", b"a.csv")
    rig.objects.put("bkt", "large", bytes(16 * 1024**2 + 1))

    reason = seen_by_hosts.failure_reason(1, S3DataType="ManifestFile", S3Uri=uri)
    assert reason == f"ClientError: Failed to download data. {text}"


URLS = ["https://s3.eu-west-1.amazonaws.com/bkt/a%20b/", "https://bkt.s3.eu-west-1.amazonaws.com/a%20b/"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("hosts", [1, 3])
def test_a_prefix_may_be_given_as_a_url_of_s3(rig: Rig, seen_by_hosts: SeenByHosts, url: str, hosts: int) -> None:
    put(rig, "a b/x", "a b/y")

    assert seen_by_hosts(hosts, S3Uri=url) == [["x", "y"]] * hosts


@pytest.mark.parametrize("url", URLS)
def test_a_sharded_prefix_may_be_given_as_a_url_of_s3(rig: Rig, seen_by_hosts: SeenByHosts, url: str) -> None:
    put(rig, "a b/x", "a b/y")

    assert seen_by_hosts(3, S3Uri=url, **SHARDED) == [["x"], ["y"], []]
