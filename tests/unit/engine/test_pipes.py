"""Inputs in Pipe mode: what a reader of the named pipes gets, and what becomes of the job (spec 3.4)."""

import gzip
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.domain.job import ProcessingJob
from tests.builders import an_input, an_output
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

MANY = bytes(range(256)) * 4096
"""1 MiB, more than a pipe holds."""


def pipe_input(name: str = "train", uri: str = "s3://bkt/in/", **s3: str) -> dict[str, Any]:
    source = an_input(name, uri, f"/opt/ml/processing/input/{name}")
    source["S3Input"] |= {"S3InputMode": "Pipe", **s3}
    return source


def running_job(rig: Rig, *inputs: Mapping[str, Any], **changes: Any) -> ProcessingJob:
    """A job whose container runs until the test releases it."""
    rig.start_emulator()
    job = rig.add(Environment={"FAKE_HOLD": "1"}, inputs=list(inputs or [pipe_input()]), **changes)
    rig.wait_for_phase(job, "Running")
    for own in rig.folder.rglob("pipes/*"):
        wait_for_looks(own)
    return rig.job(job)


def wait_for_looks(own: Path) -> None:
    """Wait until the emulator has looked several times for a reader of a pipe. `own`: the folder of its own name."""
    changes: set[int] = set()

    def changed() -> bool | None:
        changes.add(own.stat().st_mtime_ns)
        return len(changes) > 3 or None

    wait_for("some looks for a reader", changed, 10)


def pipe(rig: Rig, job: ProcessingJob, name: str, host: str = "algo-1") -> Path:
    return rig.folder / str(job.id) / host / "processing" / "input" / name


def read(path: Path) -> bytes:
    """What a reader gets of a pipe up to its end, which must come within ten seconds."""
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    thread.start()
    thread.join(10)
    assert found, f"{path.name} has no end"
    return found[0]


def end(rig: Rig, job: ProcessingJob) -> ProcessingJob:
    rig.machine.release(rig.container(job))
    return rig.wait_for_end(job)


def history(rig: Rig, job: ProcessingJob, action: str) -> list[tuple[str, int]]:
    """The pipe and the bytes of all events of a kind."""
    found = [event.detail for event in rig.jobs.list_events(job.id) if event.action == action]
    return [(detail["pipe"].removeprefix("/opt/ml/processing/input/"), detail["bytes"]) for detail in found]


def wait_for_event(rig: Rig, job: ProcessingJob, action: str) -> None:
    wait_for(f"{action} in the history", lambda: action in rig.actions(job) or None, 10)


def assert_ended_well(rig: Rig, job: ProcessingJob) -> None:
    ended = end(rig, job)
    assert (ended.phase, ended.failure_reason) == ("Completed", None)
    assert rig.leftovers() == []


def test_each_pipe_gives_all_objects_in_the_order_of_their_keys_and_then_there_is_another(rig: Rig) -> None:
    for key, body in {"in/b": b"second,", "in/a": MANY, "in/sub/": b"", "in/sub/c": b"third", "other": b"no"}.items():
        rig.objects.put("bkt", key, body)
    job = running_job(rig)

    assert [path.name for path in pipe(rig, job, "").iterdir()] == ["train_0"]
    for number in range(3):
        assert read(pipe(rig, job, f"train_{number}")) == MANY + b"second,third"
        assert not pipe(rig, job, f"train_{number}").exists()
    size = len(MANY) + 12
    assert history(rig, job, "pipe_read") == [("train_0", size), ("train_1", size), ("train_2", size)]
    assert_ended_well(rig, job)
    assert "pipe_not_read" not in rig.actions(job)


def test_gzip_decompresses_each_object(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a.gz", gzip.compress(MANY))
    rig.objects.put("bkt", "in/b.gz", gzip.compress(b"two ") + gzip.compress(b"members"))
    rig.objects.put("bkt", "in/empty", b"")
    job = running_job(rig, pipe_input(S3CompressionType="Gzip"), pipe_input("raw", "s3://bkt/in/b.gz"))

    assert read(pipe(rig, job, "train_0")) == MANY + b"two members"
    assert gzip.decompress(read(pipe(rig, job, "raw_0"))) == b"two members"
    assert_ended_well(rig, job)


def test_each_host_reads_its_shard_and_a_shard_may_be_empty(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", b"a")
    rig.objects.put("bkt", "in/b", b"b")
    rig.host = type(rig.host)(vcpus=8.0)
    cluster = {"InstanceCount": 3, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    source = pipe_input(S3DataDistributionType="ShardedByS3Key")
    job = running_job(rig, source, ProcessingResources={"ClusterConfig": cluster})

    hosts = ["algo-1", "algo-2", "algo-3"]
    assert [read(pipe(rig, job, "train_0", host)) for host in hosts] == [b"a", b"b", b""]
    for host in hosts:
        rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"


def test_a_manifest_says_what_is_read(rig: Rig) -> None:
    for key in "abc":
        rig.objects.put("bkt", f"in/{key}", key.encode())
    rig.objects.put("bkt", "manifest", json.dumps([{"prefix": "s3://bkt/in/"}, "c", "a"]).encode())
    job = running_job(rig, pipe_input(uri="s3://bkt/manifest", S3DataType="ManifestFile"))

    assert read(pipe(rig, job, "train_0")) == b"ac"
    assert_ended_well(rig, job)


def test_an_input_without_objects_fails_the_job_before_its_container_starts(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.add(inputs=[pipe_input(uri="s3://bkt/none/")])
    ended = rig.wait_for_end(job)

    assert ended.failure_reason == "ClientError: Failed to download data. No S3 objects found under s3://bkt/none/"
    assert "container_started" not in rig.actions(job)


def test_a_name_that_is_taken_fails_the_job(rig: Rig) -> None:
    rig.objects.put("bkt", "in/train_0", b"a file of that name")
    rig.start_emulator()
    files = an_input("files", "s3://bkt/in/", "/opt/ml/processing/input")
    ended = rig.wait_for_end(rig.add(inputs=[pipe_input(), files]))

    assert ended.failure_reason == (
        "ClientError: Failed to download data. cannot make the named pipe processing/input/train_0: File exists"
    )
    assert rig.leftovers() == []


def test_a_reader_that_never_comes_is_noted_and_no_failure(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", b"a")
    job = running_job(rig)

    assert_ended_well(rig, job)
    assert history(rig, job, "pipe_not_read") == [("train_0", 0)]


def test_a_reader_that_closes_early_may_read_everything_from_the_next_pipe(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)

    with pipe(rig, job, "train_0").open("rb", buffering=0) as reader:
        assert reader.read(10) == MANY[:10]
    wait_for("the next pipe", lambda: pipe(rig, job, "train_1").exists() or None, 10)
    assert read(pipe(rig, job, "train_1")) == MANY
    assert_ended_well(rig, job)
    assert [name for name, sent in history(rig, job, "pipe_closed_early") if 10 <= sent < len(MANY)] == ["train_0"]


def test_a_container_that_exits_while_it_reads_ends_as_its_exit_code_says(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)

    with pipe(rig, job, "train_0").open("rb", buffering=0) as reader:
        reader.read(10)
        assert_ended_well(rig, job)
    assert [name for name, _ in history(rig, job, "pipe_closed_early")] == ["train_0"]


def test_a_store_that_goes_away_ends_the_container(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)
    rig.objects.go_down()

    read(pipe(rig, job, "train_0"))
    ended = rig.wait_for_end(job)
    assert ended.failure_reason == (
        "ClientError: Failed to download data. ListObjectsV2 failed for s3://bkt/in/. nextToken:[null]: "
        "Unable to execute request to S3: the store is down"
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"no gzip at all", "Error -3 while decompressing data: incorrect header check"),
        (gzip.compress(MANY)[:-9], "it is cut short"),
    ],
)
def test_an_object_that_is_no_whole_gzip_file_ends_the_container(rig: Rig, body: bytes, why: str) -> None:
    rig.objects.put("bkt", "in/a", body)
    job = running_job(rig, pipe_input(S3CompressionType="Gzip"))

    read(pipe(rig, job, "train_0"))
    assert rig.wait_for_end(job).failure_reason == (
        f"ClientError: Failed to download data. s3://bkt/in/a cannot be decompressed as gzip: {why}"
    )
    assert rig.leftovers() == []


def test_a_stream_that_breaks_has_no_end_for_the_reader_while_the_container_runs(rig: Rig) -> None:
    rig.objects.put("bkt", "in/b", b"no gzip")
    rig.objects.put("bkt", "in/a", gzip.compress(b"whole,"))
    job = running_job(rig, pipe_input(S3CompressionType="Gzip"))

    found = read(pipe(rig, job, "train_0"))
    assert found == b"whole,"
    assert not any(each.is_running for each in rig.machine.containers())
    assert rig.wait_for_end(job).phase == "Failed"


@pytest.mark.parametrize("has_reader", [False, True])
def test_a_stop_does_not_wait_for_a_reader(rig: Rig, has_reader: bool) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)
    reader = os.open(pipe(rig, job, "train_0"), os.O_RDONLY) if has_reader else None

    rig.request_stop(job)
    assert rig.wait_for_end(job).phase == "Stopped"
    if reader is not None:
        os.close(reader)
    assert rig.leftovers() == []


def test_a_restart_before_the_first_read_changes_nothing_for_the_reader(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)
    assert read(pipe(rig, job, "train_0")) == MANY
    wait_for("the next pipe", lambda: pipe(rig, job, "train_1").exists() or None, 10)
    rig.runs[-1].end()
    rig.start_emulator()

    assert read(pipe(rig, job, "train_1")) == MANY
    assert_ended_well(rig, job)


def test_a_restart_in_the_middle_of_a_stream_ends_the_container(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)
    with pipe(rig, job, "train_0").open("rb", buffering=0) as reader:
        reader.read(10)
        rig.runs[-1].end()
        rig.start_emulator()

        assert rig.wait_for_end(job).failure_reason == (
            "InternalServerError: We encountered an internal error.  Please try again. (the emulator was stopped while "
            "the container read the named pipe of input train; where it was is not known any more)"
        )
    assert rig.leftovers() == []


def test_a_container_that_exits_during_the_restart_in_the_middle_of_a_stream_has_failed_all_the_same(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", MANY)
    job = running_job(rig)
    with pipe(rig, job, "train_0").open("rb", buffering=0) as reader:
        reader.read(10)
        rig.runs[-1].end()
        assert len(reader.readall()) < len(MANY)  # it takes this for the end
    rig.machine.release(rig.container(job))
    rig.start_emulator()

    assert (rig.wait_for_end(job).failure_reason or "").startswith("InternalServerError")


@pytest.mark.parametrize("kind", ["link to a file", "link to a pipe", "file"])
def test_what_the_container_puts_in_the_place_of_a_pipe_is_not_written_to(rig: Rig, tmp_path: Path, kind: str) -> None:
    rig.objects.put("bkt", "in/a", b"secret")
    job = running_job(rig)
    outside, inside = tmp_path / "outside", pipe(rig, job, "train_0")
    inside.unlink()
    if kind == "link to a pipe":
        os.mkfifo(outside)
    else:
        outside.write_bytes(b"")
    if kind == "file":
        inside.write_bytes(b"")
    else:
        inside.symlink_to(outside)
    reader = os.open(outside, os.O_RDONLY | os.O_NONBLOCK)

    wait_for_looks(next(rig.folder.rglob("pipes/0")))
    assert os.read(reader, 10) == b""
    assert kind != "file" or inside.read_bytes() == b""
    os.close(reader)
    assert_ended_well(rig, job)
    assert history(rig, job, "pipe_not_read") == [("train_0", 0)]


def test_a_pipe_that_the_emulator_cannot_open_ends_the_container(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", b"a")
    job = running_job(rig)
    next(rig.folder.rglob("pipes")).rename(rig.folder / str(job.id) / "algo-1" / "moved")

    reason = rig.wait_for_end(job).failure_reason or ""
    assert reason.startswith(
        "ClientError: Failed to download data. cannot open the named pipe processing/input/train_0"
    )


def test_what_has_the_name_of_the_next_pipe_stays_and_is_noted(rig: Rig, tmp_path: Path) -> None:
    rig.objects.put("bkt", "in/a", b"a")
    job = running_job(rig)
    outside = tmp_path / "outside"
    pipe(rig, job, "train_1").symlink_to(outside)

    assert read(pipe(rig, job, "train_0")) == b"a"
    wait_for_event(rig, job, "pipe_not_made")
    assert not outside.exists()
    assert pipe(rig, job, "train_1").is_symlink()
    assert_ended_well(rig, job)


def test_a_folder_that_the_container_replaces_by_a_link_gets_no_pipe(rig: Rig, tmp_path: Path) -> None:
    rig.objects.put("bkt", "in/a", b"a")
    source = pipe_input()
    source["S3Input"]["LocalPath"] = "/opt/ml/processing/input/deep/train"
    job = running_job(rig, source, an_input("files", "s3://bkt/in/", "/opt/ml/processing/input"))
    folder = pipe(rig, job, "deep")
    moved, outside = folder.with_name("moved"), tmp_path / "outside"
    outside.mkdir()
    folder.rename(moved)
    folder.symlink_to(outside)

    assert read(moved / "train_0") == b"a"
    wait_for_event(rig, job, "pipe_not_made")
    assert list(outside.iterdir()) == []
    assert_ended_well(rig, job)


def test_pipes_lie_beside_outputs_and_are_left_out_of_them(rig: Rig) -> None:
    rig.objects.put("bkt", "in/a", b"a")
    source = pipe_input()
    source["S3Input"]["LocalPath"] = "/opt/ml/processing/train"
    job = running_job(rig, source, outputs=[an_output("all", "s3://bkt/out", "/opt/ml/processing/output")])

    folder = rig.folder / str(job.id) / "algo-1" / "processing"
    (folder / "output" / "copy").write_bytes(read(folder / "train_0"))
    assert_ended_well(rig, job)
    assert rig.objects.get("bkt", "out/copy") == b"a"
