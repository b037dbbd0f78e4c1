"""Progress of transfers: what is counted, when it is reported, and where it is shown."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from processing_emulator.admin.views import job_document
from processing_emulator.domain.job import PROGRESS, JobEvent, JobId, Transfer
from processing_emulator.domain.staging import PlannedFile
from processing_emulator.engine.transfer_progress import Direction, TransferProgress
from processing_emulator.errors import Cancelled, StoreFailure
from processing_emulator.ports import CancelToken, TransferMeter
from tests.builders import an_input
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.fakes.object_store import MemoryObjectStore
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

QUICK_SECONDS = 0.01


class HeldStore(MemoryObjectStore):
    """Counts a first MB, and downloads when the test says so."""

    def __init__(self, *buckets: str) -> None:
        super().__init__(*buckets)
        self.released = threading.Event()

    def download(
        self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Transfer:
        assert meter is not None
        meter.add(size_bytes=1_000_000)
        while not self.released.wait(0.05):
            if cancel.is_set():
                raise Cancelled
        return super().download(files, folder, cancel)


class HandClock:
    """Moves when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        raise NotImplementedError

    def monotonic(self) -> float:
        return self.seconds


def test_nothing_is_reported_of_a_short_transfer() -> None:
    reports: list[Mapping[str, object]] = []
    with TransferProgress(Direction.IN, reports.append, HandClock()) as progress:
        progress.expect(objects=1, size_bytes=10)
        progress.add(objects=1, size_bytes=10)
    assert reports == []


def test_a_report_has_counts_totals_rate_and_remaining_time() -> None:
    reports: list[Mapping[str, object]] = []
    clock = HandClock()
    with TransferProgress(Direction.OUT, reports.append, clock, QUICK_SECONDS) as progress:
        progress.add(objects=1, size_bytes=300)
        clock.seconds = 2.0
        progress.expect(objects=4, size_bytes=1500)
        wait_for("a report", lambda: reports)
    assert reports[0] == {
        "direction": "out",
        "objects": 1,
        "total_objects": 4,
        "bytes": 300,
        "total_bytes": 1500,
        "bytes_per_second": 150,
        "remaining_seconds": 8.0,
    }


def test_a_transfer_that_does_not_move_is_not_reported_again() -> None:
    reports: list[Mapping[str, object]] = []
    clock = HandClock()
    with TransferProgress(Direction.IN, reports.append, clock, QUICK_SECONDS) as progress:
        progress.expect(objects=2, size_bytes=20)
        wait_for("the first report", lambda: reports)
        progress.add(objects=1, size_bytes=10)
        wait_for("the second report", lambda: len(reports) > 1)
    assert [report["bytes"] for report in reports] == [0, 10]


def test_a_transfer_without_any_speed_has_no_remaining_time() -> None:
    reports: list[Mapping[str, object]] = []
    with TransferProgress(Direction.IN, reports.append, HandClock(), QUICK_SECONDS) as progress:
        progress.expect(objects=2, size_bytes=20)
        wait_for("a report", lambda: reports)
    assert (reports[0]["bytes_per_second"], reports[0]["remaining_seconds"]) == (0, None)


def test_progress_of_a_job_is_in_the_feed_and_shown_as_its_current_transfer(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = HeldStore("bkt")
    rig.objects = store
    store.put("bkt", "in/x", b"x" * 3_000_000)
    rig.start_emulator()
    job = rig.add(inputs=[an_input()])

    def progress_events() -> list[JobEvent]:
        feed = rig.jobs.events_after(0, 100)
        return [each.event for each in feed if each.job_id == job.id and each.event.action == PROGRESS]

    wait_for("progress", progress_events)
    current = rig.job(job)
    record = rig.jobs.list_instances(job.id)[0]
    peaks = rig.peaks(job)
    document = job_document(
        current,
        waiting=None,
        instances=[(record, peaks)],
        right_sizing=None,
        events=rig.jobs.list_events(job.id),
        findings=(),
        debug=None,
    )
    transfer = document["instances"][0]["transfer"]  # type: ignore[index]
    assert (transfer["direction"], transfer["bytes"], transfer["totalBytes"]) == ("in", 1_000_000, 3_000_000)
    assert (transfer["objects"], transfer["totalObjects"]) == (0, 1)
    assert transfer["bytesPerSecond"] > 0
    assert transfer["remainingSeconds"] > 0
    assert PROGRESS not in [event["action"] for event in document["events"]]  # type: ignore[attr-defined]

    store.released.set()
    ended = rig.wait_for_end(job)
    record = rig.jobs.list_instances(job.id)[0]
    document = job_document(
        ended,
        waiting=None,
        instances=[(record, peaks)],
        right_sizing=None,
        events=rig.jobs.list_events(job.id),
        findings=(),
        debug=None,
    )
    assert document["instances"][0]["transfer"] is None  # type: ignore[index]
    assert PROGRESS not in {record.message for record in caplog.records}


def test_progress_that_cannot_be_stored_is_dropped(rig: Rig) -> None:
    failed = threading.Event()

    class FullStore(MemoryJobStore):
        def add_event(self, job_id: JobId, event: JobEvent) -> None:
            if event.action == PROGRESS:
                failed.set()
                raise StoreFailure("the disk is full")
            super().add_event(job_id, event)

    store = HeldStore("bkt")
    rig.objects = store
    rig.jobs = FullStore()
    rig.logs, rig.metrics = MemoryLogStore(rig.jobs), MemoryMetricStore(rig.jobs)
    store.put("bkt", "in/x", b"x" * 3_000_000)
    rig.start_emulator()
    job = rig.add(inputs=[an_input()])
    assert failed.wait(10)
    store.released.set()
    assert rig.wait_for_end(job).status == "Completed"
