"""Usage curves, files, comparison and the machine, through the admin application."""

from datetime import timedelta

import pytest

from processing_emulator.admin.dashboard.preview import preview_of
from processing_emulator.domain.job import InstanceRecord, Limits
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.usage import UsageSample, UsageScale, usage_data
from tests.builders import a_key, a_request, an_input, an_output
from tests.unit.admin.test_admin_app import World
from tests.unit.admin.test_dashboard import EVIL, page
from tests.unit.jobs.job_requests import START

GIB = 1024**3
LIMITS = Limits(vcpus=1.5, reserved_vcpus=2.0, memory_bytes=2 * GIB, volume_bytes=GIB)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
JOB = "/_emulator/dashboard/jobs/job"


@pytest.fixture
def world() -> World:
    found = World()
    request = a_request("job", inputs=[an_input(uri="s3://bkt/in")], outputs=[an_output()], hosts=1)
    found.api.service.create(a_key("job"), request)
    return found


def _started(world: World) -> InstanceRecord:
    job = world.api.service.describe(a_key("job"))
    record = world.store.ensure_instances(job.id, [LIMITS])[0]
    record = InstanceRecord(job_id=job.id, index=0, limits=LIMITS, container_started_at=START)
    world.store.save_instance(record)
    return record


def test_usage_is_in_absolute_units_with_the_limits(world: World) -> None:
    _started(world)
    scale = UsageScale(memory_bytes=4 * GIB, volume_bytes=GIB)  # an ml.t3.medium has 4 GiB
    for second, cpu in ((0, 50.0), (1, 150.0)):
        sample = UsageSample(
            at=START + timedelta(seconds=second), cpu_percent=cpu, memory_bytes=GIB, disk_bytes=GIB // 2
        )
        world.metrics.put(list(usage_data(a_key("job"), "algo-1", sample, scale)))

    usage = world.get("/_emulator/jobs/job/usage").document

    at = int(START.timestamp())
    assert usage["at"] == [at, at + 1]
    assert usage["curves"] == {
        "cpuPercent": [50.0, 150.0],
        "memoryBytes": [GIB, GIB],
        "diskBytes": [GIB // 2, GIB // 2],
    }
    assert usage["limits"]["memoryBytes"] == 2 * GIB
    assert usage["type"] == {"cpuPercent": 200, "memoryBytes": 4 * GIB}
    assert world.get("/_emulator/jobs/job/usage?host=algo-2").status == 404


def test_a_host_without_container_has_no_curves(world: World) -> None:
    assert world.get("/_emulator/jobs/job/usage").status == 404
    world.store.ensure_instances(world.api.service.describe(a_key("job")).id, [LIMITS])
    assert world.get("/_emulator/jobs/job/usage").document["curves"] == {}


def test_files_are_listed_with_sizes_and_links_to_previews(world: World) -> None:
    world.objects.put("bkt", f"in/{EVIL}.txt", EVIL.encode())
    world.objects.put("bkt", "out/table.csv", b"name,value\n<script>alert(1)</script>,1\n")
    for number in range(101):
        world.objects.put("bkt", f"in/many/{number:03}", b"x")

    found = page(world, f"{JOB}/files")

    assert "100, the first ones, objects" in found.text
    assert "1 object, " in found.text
    previews = [link for link in found.links if "/preview?" in link]
    assert len(previews) == 101
    shown = page(world, next(link for link in previews if "txt" in link))
    assert EVIL in shown.text
    table = page(world, next(link for link in previews if "csv" in link))
    assert ("table", {}) in table.tags
    assert "<script>alert(1)</script>" in table.text


def test_a_missing_bucket_is_said_in_the_list(world: World) -> None:
    assert "NoSuchBucket" in page(world, f"{JOB}/files").text


@pytest.mark.parametrize(
    "query",
    [
        "direction=output&number=0&key=elsewhere/secret",
        "direction=output&number=1&key=out/a",
        "direction=input&number=0&key=other",
        "direction=output&number=0&key=out",
    ],
)
def test_only_objects_of_the_job_are_shown(world: World, query: str) -> None:
    world.objects.put("bkt", "elsewhere/secret", b"x")
    assert world.get(f"{JOB}/preview?{query}").status == 404
    assert world.get(f"{JOB}/picture?{query}").status == 404


def test_pictures_have_a_fixed_type_and_nothing_else_is_sent(world: World) -> None:
    world.objects.put("bkt", "out/a.png", PNG)
    world.objects.put("bkt", "out/b.png", b"<html><script>alert(1)</script>")
    world.objects.put("bkt", "out/c.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")

    def picture(key: str) -> str:
        return f"{JOB}/picture?direction=output&number=0&key=out/{key}"

    shown = world.get(picture("a.png"))

    assert (shown.status, shown.headers["content-type"], shown.body) == (200, "image/png", PNG)
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert [world.get(picture(key)).status for key in ("b.png", "c.svg", "none")] == [415, 415, 404]


def test_previews_show_text_tables_and_json_but_no_bytes() -> None:
    assert preview_of("a.json", b'{"a": [1]}', 10).text == '{\n  "a": [\n    1\n  ]\n}'
    assert preview_of("a.json", b'{"a"', 10).text == '{"a"'
    assert preview_of("a.tsv", b"a\tb\n", 4).rows == [["a", "b"]]
    cut = preview_of("a.txt", "é".encode() * 2 + "é".encode()[:1], 100)
    assert (cut.text, cut.is_cut) == ("éé", True)
    binary = preview_of("a.txt", b"\0\1", 2)
    assert (binary.text, binary.rows, binary.picture_type) == (None, None, None)
    assert preview_of("a.json", b"[" * 60_000, 60_000).text == "[" * 60_000
    assert preview_of("a.csv", b"a" * 200_000, 200_000).text is not None


def test_two_jobs_are_compared(world: World) -> None:
    world.api.service.create(a_key("other"), a_request("other", instance_type="ml.m5.large", Environment={"A": EVIL}))
    world.api.move(world.api.service.describe(a_key("other")), JobPhase.COMPLETED)

    found = page(world, "/_emulator/dashboard/compare?one=job&other=other")

    assert "Environment.A - " + EVIL in found.text
    assert "ProcessingResources.ClusterConfig.InstanceType ml.t3.medium ml.m5.large" in found.text
    assert "Status InProgress Completed" in found.text
    assert "Time of run - 1.0 s" in found.text
    assert "ProcessingJobName" not in found.text
    assert world.get("/_emulator/dashboard/compare?one=job&other=none").status == 404


def test_the_machine_shows_capacity_queue_and_health(world: World) -> None:
    world.down = "docker"

    found = page(world, "/_emulator/dashboard/machine")

    assert "0 of 4 held" in found.text
    assert "job reason of 1 1 \N{MULTIPLICATION SIGN} ml.t3.medium" in found.text
    assert "docker down" in found.text
