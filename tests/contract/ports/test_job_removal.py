"""The port suite of JobRemoval."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.store import Stores, open_store
from processing_emulator.domain.job import JobEvent, JobFacts
from processing_emulator.domain.log_events import LogEvent
from processing_emulator.domain.log_names import PROCESSING_JOBS_GROUP, LogGroupKey
from processing_emulator.domain.metrics import MetricKey, Weighted, datum_of
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import JobNotFound
from processing_emulator.jobs.retention import Limits, Retention
from processing_emulator.ports import MetricQuery, StreamQuery
from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS, NOW, PortStores, add_job, later, move_to
from tests.fakes.clock import StoppedClock
from tests.log_batches import a_batch

GROUP = LogGroupKey("000000000000", "us-east-1", PROCESSING_JOBS_GROUP)


def run(stores: PortStores, name: str, ended_after: float) -> None:
    """A job with tags, an instance and a log that has ended."""
    job = stores.jobs.add(a_key(name), a_request(name), {"team": "a"}, NOW)
    stores.jobs.ensure_instances(job.id, [LIMITS])
    stores.logs.append_output(job.id, 0, a_batch(f"of {name}", at_ms=1_767_323_045_000))
    move_to(stores.jobs, job, JobPhase.COMPLETED, at=later(ended_after))


def streams(stores: PortStores) -> list[str]:
    page = stores.logs.list_streams(StreamQuery(group=GROUP, limit=50))
    return [stream.name.split("/")[0] for stream in page.streams]


def test_jobs_that_ended_before_go_with_all_that_belongs_to_them(stores: PortStores) -> None:
    for name, ended_after in (("new", 30), ("older", 10), ("oldest", 5)):
        run(stores, name, ended_after)
    running = add_job(stores.jobs, "running")
    assert stores.removal.first_end(NOW) == later(5)
    gone = stores.jobs.find(a_key("oldest"))
    assert gone is not None

    assert stores.removal.remove_jobs_ended_before(later(20), 1, NOW) == 1
    assert stores.jobs.find(a_key("oldest")) is None
    assert stores.removal.remove_jobs_ended_before(later(20), 10, NOW) == 1
    assert stores.removal.remove_jobs_ended_before(later(20), 10, NOW) == 0

    assert stores.jobs.find(a_key("older")) is None
    assert (stores.jobs.find(a_key("new")) is not None, stores.jobs.get(running.id)) == (True, running)
    assert stores.jobs.list_events(gone.id) == []
    assert {each.key.name for each in stores.jobs.events_after(0, 100)} == {"new", "running"}
    assert streams(stores) == ["new"]
    with pytest.raises(JobNotFound):
        stores.jobs.get(gone.id)
    assert add_job(stores.jobs, "oldest").id > running.id


def test_deleted_jobs_go_too(stores: PortStores) -> None:
    run(stores, "job", 5)
    job = stores.jobs.find(a_key("job"))
    assert job is not None
    stores.jobs.delete(job.id, later(6))

    assert stores.removal.remove_jobs_ended_before(later(20), 10, NOW) == 1
    assert streams(stores) == []
    assert stores.removal.first_end(NOW) is None


def test_failed_jobs_that_are_kept_stay(stores: PortStores) -> None:
    job = add_job(stores.jobs, "kept")
    stores.jobs.advance(job.id, job.phase, JobPhase.FAILED, later(5), JobFacts(ended_at=later(5), kept_until=later(60)))

    assert stores.removal.first_end(later(59)) is None
    assert stores.removal.remove_jobs_ended_before(later(20), 10, later(59)) == 0
    assert stores.removal.first_end(later(60)) == later(5)
    assert stores.removal.remove_jobs_ended_before(later(20), 10, later(60)) == 1


def test_how_far_transfers_are_is_kept_until_the_job_ends(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    stores.jobs.add_event(job.id, JobEvent(at=later(1), action="progress", detail={"bytes": 1}))
    job = move_to(stores.jobs, job, JobPhase.STAGING_OUT)
    assert "progress" in [event.action for event in stores.jobs.list_events(job.id)]

    stores.jobs.advance(job.id, JobPhase.STAGING_OUT, JobPhase.FAILED, NOW, JobFacts(ended_at=NOW))

    actions = {event.action for event in stores.jobs.list_events(job.id)}
    assert actions == {"created", "phase_changed"}
    assert {each.event.action for each in stores.jobs.events_after(0, 100)} == actions


def retention(opened: Stores, clock: StoppedClock, limits: Limits) -> Retention:
    return Retention(opened.removal, opened.jobs, opened.metrics, opened.logs, clock, limits, interval_seconds=60)


def test_a_sqlite_file_shrinks_again(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    with closing(open_store(path)) as opened:
        for number in range(40):
            request = {**a_request("x"), "Environment": {"k": "x" * 400_000}}
            move_to(opened.jobs, opened.jobs.add(a_key(f"job-{number}"), request, {}, NOW), JobPhase.COMPLETED)
    large = path.stat().st_size

    with closing(open_store(path)) as opened:
        opened.removal.remove_jobs_ended_before(later(1), 100, NOW)
        rounds = 1
        while opened.removal.give_space_back():
            rounds += 1

    pages = (large - path.stat().st_size) // 4096
    assert pages > 3000
    assert pages / rounds > 1000


def test_what_is_oldest_goes_when_a_sqlite_file_holds_too_much(tmp_path: Path) -> None:
    """Jobs and metrics of an hour, a job and a metric each minute; half of it fits."""
    limits = Limits(jobs_days=None, metrics_days=455, most_bytes=0)
    with closing(open_store(tmp_path / "emulator.db")) as opened:
        for minute in range(60):
            request = {**a_request("x"), "Environment": {"k": "x" * 20_000}}
            job = opened.jobs.add(a_key(f"job-{minute:02}"), request, {}, later(60 * minute))
            move_to(opened.jobs, job, JobPhase.COMPLETED, at=later(60 * minute))
            key = MetricKey("000000000000", "us-east-1", "space", f"of-{minute:02}")
            opened.metrics.put([datum_of(key, int(later(60 * minute).timestamp()), "None", [Weighted(1.0, 1)])])
        running = add_job(opened.jobs, "running")
        own = LogGroupKey("000000000000", "us-east-1", "/own")
        opened.logs.create_group(own, 0, tags={})
        opened.logs.create_stream(own, "s", 0)
        times = [int(later(60 * minute).timestamp()) * 1000 for minute in range(60)]
        opened.logs.put_events(own, "s", [LogEvent(at_ms, "x" * 1000) for at_ms in times], times[-1])
        full = opened.removal.used_bytes()
        assert full is not None
        clock = StoppedClock(later(3600))

        limits = replace(limits, most_bytes=full // 2)
        removed = retention(opened, clock, limits).sweep()

        left = {each.key.name for each in opened.jobs.events_after(0, 1000)}
        query = MetricQuery(account="000000000000", region="us-east-1", limit=100)
        metrics = sorted(key.name for key in opened.metrics.list_metrics(query).metrics)
        assert 20 < removed < 45
        assert left == {"running", *(f"job-{minute:02}" for minute in range(removed, 60))}
        assert metrics == [f"of-{minute:02}" for minute in range(60 - len(metrics), 60)]
        assert abs(len(metrics) - (60 - removed)) <= 2
        assert abs(times.index(opened.logs.first_put_at_ms() or 0) - removed) <= 2
        assert (opened.removal.used_bytes() or full) <= full // 2

        just_now_ms = int(later(3600.2).timestamp() * 1000)
        opened.logs.put_events(own, "s", [LogEvent(just_now_ms, "x")], just_now_ms)
        clock.at = later(3600.2004)  # what ended in this millisecond is left for the next sweep
        limits = replace(limits, most_bytes=1)
        retention(opened, clock, limits).sweep()
        assert {each.key.name for each in opened.jobs.events_after(0, 1000)} == {running.key.name}
        assert opened.logs.first_put_at_ms() == just_now_ms


def test_what_came_since_the_oldest_running_job_started_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A day of jobs and metrics, one each hour, and a job that has run for the last twelve; nothing of it fits."""
    with closing(open_store(tmp_path / "emulator.db")) as opened:
        for hour in range(24):
            at = later(3600 * hour)
            move_to(opened.jobs, add_job(opened.jobs, f"job-{hour:02}", at=at), JobPhase.COMPLETED, at=at)
            key = MetricKey("000000000000", "us-east-1", "space", f"of-{hour:02}")
            opened.metrics.put([datum_of(key, int(at.timestamp()), "None", [Weighted(1.0, 1)])])
        running, start = add_job(opened.jobs, "running"), later(12 * 3600)
        opened.jobs.advance(running.id, JobPhase.PENDING, JobPhase.PULLING, start, JobFacts(started_at=start))
        limits = Limits(jobs_days=None, metrics_days=455, most_bytes=1)
        sweeper = retention(opened, StoppedClock(later(24 * 3600)), limits)

        assert [sweeper.sweep(), sweeper.sweep()] == [12, 0]

        left = {each.key.name for each in opened.jobs.events_after(0, 1000)}
        query = MetricQuery(account="000000000000", region="us-east-1", limit=100)
        assert left == {"running", *(f"job-{hour:02}" for hour in range(12, 24))}
        assert [key.name for key in opened.metrics.list_metrics(query).metrics] == [f"of-{n:02}" for n in range(12, 24)]
        assert [each.message for each in caplog.records].count("database stays larger than its limit") == 1
