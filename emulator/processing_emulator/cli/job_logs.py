"""Prints the log of a job's hosts, once or while the job runs."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import click

from processing_emulator.cli.emulator_client import Document, EmulatorClient, ServerFault, service_errors
from processing_emulator.cli.formatting import moment

PAGE_EVENTS = 10_000

ENDED = frozenset({"Completed", "Failed", "Stopped"})
"""States of jobs that have ended."""

Print = Callable[[str, Document], None]
"""Takes the host and an event: `seq`, `at`, `message`."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def since(text: str | None) -> datetime | None:
    """A time as users give it: `30s`, `5m`, `2h`, `1d`, or ISO 8601. Raises click.BadParameter."""
    if text is None:
        return None
    ago = re.fullmatch(r"(\d+)([smhd])", text)
    if ago:
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is neither like 30s, 5m, 2h nor a time like 2026-01-31T12:00") from error
    return at if at.tzinfo else at.astimezone()


def host_names(client: EmulatorClient, job: str, host: str | None) -> Sequence[str]:
    """The hosts whose logs are wanted: the one named, or all that the job has or will have."""
    if host is not None:
        return [host]
    placed = [instance["host"] for instance in client.job(job)["instances"]]
    return placed or [f"algo-{number + 1}" for number in range(_instance_count(client, job))]


def _instance_count(client: EmulatorClient, job: str) -> int:
    with service_errors(client):
        described = client.aws("sagemaker").describe_processing_job(ProcessingJobName=job)
    return int(described["ProcessingResources"]["ClusterConfig"].get("InstanceCount") or 1)


def print_logs(
    client: EmulatorClient, job: str, hosts: Sequence[str], show: Print, *, begin: datetime | None, tail: int | None
) -> None:
    """Everything that is stored now, host by host."""
    for host in hosts:
        for event in _stored(client, job, host, tail):
            if _is_wanted(event, begin):
                show(host, event)


def follow_logs(
    client: EmulatorClient, job: str, hosts: Sequence[str], show: Print, *, begin: datetime | None, tail: int | None
) -> None:
    """Everything until the job has ended, hosts side by side. Raises ServerFault once all streams have ended."""
    faults: list[ServerFault] = []
    lock = threading.Lock()

    def follow(host: str) -> None:
        where = {"account": client.account, "region": client.region, "host": host, "follow": "true", "tail": tail}
        try:
            for event in client.lines(f"jobs/{job}/logs", **where):
                if _is_wanted(event, begin):
                    with lock:
                        show(host, event)
            _check_ended(client, job)
        except ServerFault as fault:
            faults.append(fault)

    threads = [threading.Thread(target=follow, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def _check_ended(client: EmulatorClient, job: str) -> None:
    """A stream that a server's stop has ended looks like that of a job that has ended. Raises ServerFault."""
    if client.job(job)["status"] not in ENDED:
        raise ServerFault(f"the server has ended the log, but {job} goes on; ask again")


def _stored(client: EmulatorClient, job: str, host: str, tail: int | None) -> Iterator[Document]:
    where = {"account": client.account, "region": client.region, "host": host}
    if tail is not None:
        yield from client.get(f"jobs/{job}/logs", **where, tail=tail)["events"]
        return
    seq = 0
    while True:
        page = client.get(f"jobs/{job}/logs", **where, **{"from": seq}, limit=PAGE_EVENTS)
        yield from page["events"]
        if not page["events"]:
            return
        seq = page["next"]


def _is_wanted(event: Document, begin: datetime | None) -> bool:
    at = moment(event["at"])
    return begin is None or at is None or at >= begin
