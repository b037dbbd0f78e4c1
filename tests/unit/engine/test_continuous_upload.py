"""Outputs that are uploaded while the container runs (spec 4)."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.staging import StoredObject
from processing_emulator.ports import CancelToken, Changes, LocalFile, TransferMeter
from tests.builders import an_output
from tests.fakes.object_store import MemoryObjectStore
from tests.fixtures_docker import missing
from tests.unit.engine.engine_rig import EmulatorRun, Rig
from tests.waiting import wait_for

QUICK = 0.1
NEVER = threading.Event()


def continuous(name: str = "out", uri: str = "s3://bkt/out", path: str = "/opt/ml/processing/output") -> dict[str, Any]:
    output = an_output(name, uri, path)
    return {**output, "S3Output": {**output["S3Output"], "S3UploadMode": "Continuous"}}


def start(rig: Rig, **options: Any) -> EmulatorRun:
    return rig.start_emulator(continuous_upload_interval_seconds=QUICK, **options)


def running_job(rig: Rig, name: str = "job", **changes: Any) -> ProcessingJob:
    """A job whose container runs until the test releases it."""
    job = rig.add(name, Environment={"FAKE_HOLD": "1"}, **{"outputs": [continuous()], **changes})
    return rig.wait_for_phase(job, "Running")


def output_folder(rig: Rig, job: ProcessingJob, host: str = "algo-1") -> Path:
    return rig.folder / str(job.id) / host / "processing" / "output"


def wait_for_object(rig: Rig, key: str, body: bytes) -> StoredObject:
    def there() -> bool:
        return key in rig.objects.keys("bkt") and rig.objects.get("bkt", key) == body

    wait_for(f"{key} in the bucket", there, 10)
    return rig.objects.head("bkt", key, NEVER)


def upload_marker(rig: Rig, job: ProcessingJob, name: str = "~marker") -> None:
    """Everything that was written before can be in the bucket when this returns."""
    (output_folder(rig, job) / name).write_bytes(b"m")
    wait_for_object(rig, f"out/{name}", b"m")


def end(rig: Rig, job: ProcessingJob) -> ProcessingJob:
    rig.machine.release(rig.container(job))
    return rig.wait_for_end(job)


def details(rig: Rig, job: ProcessingJob, action: str) -> list[dict[str, Any]]:
    return [dict(event.detail) for event in rig.jobs.list_events(job.id) if event.action == action]


def test_new_and_changed_files_are_uploaded_during_the_run_and_not_again_at_its_end(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    folder = output_folder(rig, job)
    (folder / "sub").mkdir()
    (folder / "sub" / "a").write_bytes(b"first")
    wait_for_object(rig, "out/sub/a", b"first")
    (folder / "sub" / "a").write_bytes(b"second")
    before = wait_for_object(rig, "out/sub/a", b"second")
    (folder / "late").write_bytes(b"late")
    ended = end(rig, job)
    assert ended.status == "Completed"
    assert rig.objects.keys("bkt") == ["out/late", "out/sub/a"]
    assert rig.objects.head("bkt", "out/sub/a", NEVER).modified_at == before.modified_at
    staged = details(rig, job, "staged_out")[0]
    assert (staged["objects"], staged["bytes"], staged["unchanged"]) == (1, 4, 1)
    assert [(each["objects"], each["bytes"]) for each in details(rig, job, "uploaded_continuously")] == [
        (1, 5),
        (2, 11),
    ]
    assert rig.leftovers() == []


def test_outputs_at_the_end_of_the_job_are_not_uploaded_before(rig: Rig) -> None:
    start(rig)
    other = an_output("other", "s3://bkt/other", "/opt/ml/processing/other")
    job = running_job(rig, outputs=[continuous(), other])
    (output_folder(rig, job).parent / "other" / "a").write_bytes(b"x")
    upload_marker(rig, job)
    assert rig.objects.keys("bkt") == ["out/~marker"]
    end(rig, job)
    assert rig.objects.keys("bkt") == ["other/a", "out/~marker"]


class BusyClock(SystemClock):
    """Writes to a file whenever somebody looks at it, as before every scan."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.looks = 0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        with self._lock:
            if self.path is not None:
                self.looks += 1
                with self.path.open("ab") as file:
                    file.write(b"x")
        return super().monotonic()

    def stop_writing(self) -> int:
        """The size of the file."""
        with self._lock:
            self.path = None
            return self.looks


def test_a_file_that_is_being_written_waits_until_it_is_quiet(rig: Rig) -> None:
    """Whoever looks into the bucket meanwhile finds no part of it."""
    rig.clock = clock = BusyClock()
    start(rig)
    job = running_job(rig)
    clock.path = output_folder(rig, job) / "growing"
    upload_marker(rig, job)
    upload_marker(rig, job, "~another")
    assert rig.objects.keys("bkt") == ["out/~another", "out/~marker"]
    wait_for_object(rig, "out/growing", b"x" * clock.stop_writing())
    end(rig, job)


def test_objects_of_deleted_files_stay(rig: Rig) -> None:
    """Nothing is deleted (spec 4)."""
    start(rig)
    job = running_job(rig)
    path = output_folder(rig, job) / "a"
    path.write_bytes(b"1")
    wait_for_object(rig, "out/a", b"1")
    path.unlink()
    upload_marker(rig, job)
    assert end(rig, job).status == "Completed"
    assert rig.objects.keys("bkt") == ["out/a", "out/~marker"]


def test_a_store_that_is_away_delays_uploads_and_the_job_goes_on(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    rig.objects.go_down()
    (output_folder(rig, job) / "a").write_bytes(b"1")
    wait_for("the trouble in the history", lambda: details(rig, job, "continuous_upload_delayed"), 10)
    rig.objects.come_back()
    wait_for_object(rig, "out/a", b"1")
    assert end(rig, job).status == "Completed"
    assert len(details(rig, job, "continuous_upload_delayed")) == 1


def test_a_bucket_that_does_not_exist_fails_the_job_at_its_end_in_the_service_s_words(rig: Rig) -> None:
    start(rig)
    job = running_job(rig, outputs=[continuous(uri="s3://gone/out")])
    (output_folder(rig, job) / "a").write_bytes(b"1")
    wait_for("the trouble in the history", lambda: details(rig, job, "continuous_upload_delayed"), 10)
    assert end(rig, job).failure_reason == (
        "ClientError: Artifact upload failed:PutObject failed for s3://gone/out/a: "
        "NoSuchBucket (404): The specified bucket does not exist"
    )


def test_a_stopped_job_keeps_what_was_uploaded_until_then(rig: Rig) -> None:
    """Spec 4: nothing is uploaded after a stop; what had been copied is there."""
    start(rig, stop_grace_seconds=0.0)
    job = running_job(rig)
    upload_marker(rig, job)
    rig.objects.go_down()
    (output_folder(rig, job) / "later").write_bytes(b"2")
    rig.request_stop(job)
    assert rig.wait_for_end(job).status == "Stopped"
    assert rig.objects.keys("bkt") == ["out/~marker"]
    assert rig.leftovers() == []


def test_a_failed_job_has_all_its_files(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    upload_marker(rig, job)
    (output_folder(rig, job) / "last").write_bytes(b"2")
    rig.machine.release(rig.container(job), 3)
    assert rig.wait_for_end(job).status == "Failed"
    assert rig.objects.keys("bkt") == ["out/last", "out/~marker"]


class CountingStore(MemoryObjectStore):
    """Remembers the keys that were sent."""

    def __init__(self, *buckets: str) -> None:
        super().__init__(*buckets)
        self.sent: list[str] = []

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None) -> Any:
        self.sent += [local.key for local in files]
        return super().upload(files, cancel, meter)


def test_a_restart_of_the_emulator_loses_and_doubles_nothing(rig: Rig) -> None:
    rig.objects = store = CountingStore("bkt")
    first = start(rig)
    job = running_job(rig)
    upload_marker(rig, job)
    first.end()
    (output_folder(rig, job) / "meanwhile").write_bytes(b"2")
    start(rig)
    wait_for_object(rig, "out/meanwhile", b"2")
    assert end(rig, job).status == "Completed"
    assert store.sent == ["out/~marker", "out/meanwhile"]


class HeldUploads(MemoryObjectStore):
    """An upload of changes that lasts until it is cancelled."""

    def __init__(self, *buckets: str) -> None:
        super().__init__(*buckets)
        self.began = threading.Event()
        self.calls = 0

    def upload_changes(
        self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Changes:
        self.calls += 1
        if self.calls == 1:
            self.began.set()
            wait_for("the cancellation", cancel.is_set, 10)
        return super().upload_changes(files, cancel, meter)


@pytest.mark.parametrize("how", ["exits", "is stopped"])
def test_an_upload_that_runs_is_given_up_when_the_container(rig: Rig, how: str) -> None:
    rig.objects = store = HeldUploads("bkt")
    start(rig)
    job = running_job(rig)
    (output_folder(rig, job) / "a").write_bytes(b"1")
    assert store.began.wait(10)
    if how == "exits":
        assert end(rig, job).status == "Completed"
        assert rig.objects.keys("bkt") == ["out/a"]
    else:
        rig.request_stop(job)
        assert rig.wait_for_end(job).status == "Stopped"
        assert rig.objects.keys("bkt") == []


# --- what an attacker, or an accident, may put into the folder ---


def _outside(folder: Path) -> Path:
    """A folder with a secret, which no container sees."""
    outside = folder.parents[3] / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret").write_bytes(b"secret")
    return outside


def _link_to_a_file(folder: Path) -> None:
    (folder / "x").symlink_to(_outside(folder) / "secret")


def _link_to_a_folder(folder: Path) -> None:
    (folder / "x").symlink_to(_outside(folder))


def _folder_swapped_for_a_link(folder: Path) -> None:
    (folder / "x").mkdir()
    (folder / "x" / "secret").write_bytes(b"ours")
    shutil.rmtree(folder / "x")
    (folder / "x").symlink_to(_outside(folder))


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "x")


def _socket(folder: Path) -> None:
    home = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("x")
    finally:
        os.chdir(home)


def _device(folder: Path) -> None:
    try:
        os.mknod(folder / "x", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        missing("only root may make a device")


NEVER_UPLOADED: dict[str, Callable[[Path], None]] = {
    "link to a file": _link_to_a_file,
    "link to a folder": _link_to_a_folder,
    "folder swapped for a link": _folder_swapped_for_a_link,
    "fifo": _fifo,
    "socket": _socket,
    "device": _device,
}


@pytest.mark.parametrize("attack", NEVER_UPLOADED)
def test_only_regular_files_of_the_folder_are_uploaded(rig: Rig, attack: str) -> None:
    start(rig)
    job = running_job(rig)
    NEVER_UPLOADED[attack](output_folder(rig, job))
    upload_marker(rig, job)
    assert end(rig, job).status == "Completed"
    assert rig.objects.keys("bkt") == ["out/~marker"]
    assert details(rig, job, "staged_out")[0]["skipped"] == ["/opt/ml/processing/output/x"]


def test_an_output_folder_swapped_for_a_link_gives_nothing(rig: Rig) -> None:
    """A LocalPath inside another is an ordinary folder of that mount: the container may do with it as it likes."""
    start(rig)
    inner = continuous("inner", "s3://bkt/inner", "/opt/ml/processing/output/inner")
    job = running_job(rig, outputs=[continuous(), inner])
    folder = output_folder(rig, job)
    (folder / "inner").rmdir()
    (folder / "inner").symlink_to(_outside(folder))
    upload_marker(rig, job)
    assert end(rig, job).status == "Completed"
    assert rig.objects.keys("bkt") == ["out/~marker"]


def test_hard_links_are_objects_of_their_own(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    folder = output_folder(rig, job)
    (folder / "a").write_bytes(b"1")
    os.link(folder / "a", folder / "b")
    wait_for_object(rig, "out/b", b"1")
    assert end(rig, job).status == "Completed"
    assert rig.objects.keys("bkt") == ["out/a", "out/b"]


def test_a_sparse_file_larger_than_the_volume_is_never_uploaded(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    with (output_folder(rig, job) / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    wait_for("the trouble in the history", lambda: details(rig, job, "continuous_upload_delayed"), 10)
    ended = end(rig, job)
    assert ended.failure_reason is not None
    assert "Insufficient disk space (outputs have 1024.00 GiB, VolumeSizeInGB is 1)" in ended.failure_reason
    assert rig.objects.keys("bkt") == []


def test_a_file_renamed_in_the_middle_is_uploaded_under_its_new_name(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    folder = output_folder(rig, job)
    (folder / "part").write_bytes(b"1")
    (folder / "part").rename(folder / "whole")
    wait_for_object(rig, "out/whole", b"1")
    assert end(rig, job).status == "Completed"


@pytest.mark.parametrize(
    ("name", "reason"),
    [(os.fsdecode(b"caf\xe9"), "has a name that is not UTF-8"), ("d" * 250 + "/" + "e" * 250, None)],
    ids=["not UTF-8", "long"],
)
def test_a_name_that_can_be_no_key_does_not_hold_up_the_others(rig: Rig, name: str, reason: str | None) -> None:
    start(rig)
    prefix = "p" * 600
    job = running_job(rig, outputs=[continuous(uri=f"s3://bkt/{prefix}"), continuous("o", path="/opt/ml/processing/o")])
    path = output_folder(rig, job) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1")
    (output_folder(rig, job) / "well").write_bytes(b"2")
    wait_for_object(rig, f"{prefix}/well", b"2")
    ended = end(rig, job)
    assert ended.failure_reason is not None
    assert (reason or "makes a key longer than 1024 bytes") in ended.failure_reason
    assert rig.objects.keys("bkt") == [f"{prefix}/well"]


def test_a_tree_deeper_than_any_key_fails_the_job_and_harms_nobody(rig: Rig) -> None:
    start(rig)
    job = running_job(rig)
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(output_folder(rig, job))
        for _ in range(300):
            os.mkdir("d" * 16)  # noqa: PTH102  # the path gets longer than a path may be
            os.chdir("d" * 16)
    finally:
        os.fchdir(home)
        os.close(home)
    wait_for("the trouble in the history", lambda: details(rig, job, "continuous_upload_delayed"), 10)
    ended = end(rig, job)
    assert ended.failure_reason is not None
    assert "File name too long" in ended.failure_reason
    assert rig.leftovers() == []


# --- several hosts ---

TWO_HOSTS = {"ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}}


@pytest.mark.parametrize("output", [continuous(), an_output()], ids=["Continuous", "EndOfJob"])
def test_keys_that_two_hosts_write_are_in_the_history(rig: Rig, output: dict[str, Any]) -> None:
    """The last one wins (spec 4: no host's name in the key), but not unseen."""
    rig.host = type(rig.host)(vcpus=8.0)
    start(rig)
    job = rig.add(Environment={"FAKE_HOLD": "1"}, outputs=[output], ProcessingResources=TWO_HOSTS)
    rig.wait_for_phase(job, "Running")
    for host in ("algo-1", "algo-2"):
        folder = output_folder(rig, job, host)
        (folder / host).write_bytes(b"own")
        (folder / "same").write_bytes(host.encode())
    for host in ("algo-1", "algo-2"):
        rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.objects.keys("bkt") == ["out/algo-1", "out/algo-2", "out/same"]
    assert details(rig, job, "outputs_overwritten") == [
        {"hosts": ["algo-1", "algo-2"], "objects": 1, "examples": ["s3://bkt/out/same"]}
    ]


def test_hosts_that_write_different_keys_are_not_mentioned(rig: Rig) -> None:
    rig.host = type(rig.host)(vcpus=8.0)
    start(rig)
    job = rig.add(Environment={"FAKE_HOLD": "1"}, outputs=[continuous()], ProcessingResources=TWO_HOSTS)
    rig.wait_for_phase(job, "Running")
    for host in ("algo-1", "algo-2"):
        (output_folder(rig, job, host) / host).write_bytes(b"own")
        rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"
    assert details(rig, job, "outputs_overwritten") == []
