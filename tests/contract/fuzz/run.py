"""Sends generated requests to a separate server process: `make fuzz`, or `python -m tests.contract.fuzz.run`.

The server has no engine, so jobs are created and wait, and nothing runs. A failure is reported with the seed and the
number of its case; `--seed S --replay N` sends that case alone and shows every byte.
"""

import argparse
import itertools
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from urllib.parse import urlsplit

import psutil

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.job import JobFacts
from processing_emulator.domain.phase import JobPhase
from processing_emulator.ports import RawLine
from tests.builders import a_key, a_request
from tests.contract.fuzz.cases import case
from tests.contract.fuzz.documents import JOBS, STARTED
from tests.contract.fuzz.wire import Answer, NoAnswer, Wire
from tests.contract.ports.stores import LIMITS
from tests.e2e.server import EmulatorProcess
from tests.log_batches import batch_of_lines

THREADS = 4
MOST_FAILURES = 10
MOST_GROWTH_MIB = 200
"""What the server may need more at the end than after its first requests; jobs that wait are part of it."""

WARM_UP_REQUESTS = 2000
MIB = 1024**2


@dataclass
class Report:
    """What has happened so far; shared by the threads."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    first_mib: int = 0
    last_mib: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Fuzz:
    """Requests of one seed against one server."""

    def __init__(self, server: EmulatorProcess, seed: int) -> None:
        self.report = Report()
        self._server = server
        self._seed = seed
        address = urlsplit(server.url)
        self._address = (address.hostname or "", address.port or 0)
        self._numbers = itertools.count()

    def run(self, requests: int) -> Report:
        """Send about so many, then look at what is left of the server."""
        began = time.monotonic()
        self._send_all(min(requests, WARM_UP_REQUESTS))
        self.report.first_mib = self._resident_mib()
        self._send_all(requests)
        self.report.seconds = time.monotonic() - began
        self.report.last_mib = self._resident_mib()
        self._check_server()
        return self.report

    def _send_all(self, requests: int) -> None:
        threads = [threading.Thread(target=self._work, args=(requests,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, requests: int) -> None:
        wire = Wire(*self._address)
        index = -1
        try:
            while self.report.requests < requests and len(self.report.failures) < MOST_FAILURES:
                index = next(self._numbers)
                self.play(index, wire)
        except Exception as error:
            self._fail(f"case {index} could not be sent: {error!r}")
            raise
        finally:
            wire.close()

    def play(self, index: int, wire: Wire, *, show: bool = False) -> None:
        """Send one case, step by step."""
        kind, steps = case(self._seed, index)
        answer = Answer(status=0)
        with self.report.lock:
            self.report.kinds[kind] += 1
        try:
            step = next(steps)
            while True:
                if show:
                    print(f"> {step.data[:20_000]!r}")
                answers = wire.send(step.data, whole=step.whole, is_head=step.is_head)
                if show:
                    print(*(f"< {found.head!r} {found.body[:2000]!r}" for found in answers), sep="\n")
                self._note(answers, f"case {index} ({kind})", step.data)
                answer = answers[-1]
                step = steps.send(answer.body)  # type: ignore[attr-defined]  # plays are generators
        except StopIteration:
            return
        except NoAnswer as error:
            self._fail(f"case {index} ({kind}): {error}\n    sent {step.data[:1000]!r}")

    def _note(self, answers: list[Answer], where: str, sent: bytes) -> None:
        with self.report.lock:
            self.report.requests += len(answers)
            self.report.statuses.update(answer.status for answer in answers)
        for answer in answers:
            is_named = answer.status == 501 and b"<Code>NotImplemented</Code>" in answer.body
            if (answer.status >= 500 and not is_named) or b"Traceback" in answer.body:
                self._fail(f"{where}: {answer.head!r} {answer.body[:500]!r}\n    sent {sent[:1000]!r}")

    def _fail(self, text: str) -> None:
        with self.report.lock:
            self.report.failures.append(text)

    def _check_server(self) -> None:
        with urllib.request.urlopen(f"{self._server.url}/_emulator/health", timeout=30) as answer:
            if answer.status != 200:
                self._fail(f"health answers {answer.status}")
        log = self._server.log()
        for sign in ("Traceback (most recent call last)", " ERROR ", " CRITICAL "):
            if sign in log:
                start = log.index(sign)
                self._fail(f"the server's log has {sign.strip()!r}: {log[max(0, start - 500) : start + 3000]}")
        growth = self.report.last_mib - self.report.first_mib
        if growth > MOST_GROWTH_MIB:
            self._fail(f"the server grew by {growth} MiB")

    def _resident_mib(self) -> int:
        return int(psutil.Process(self._server.pid).memory_info().rss // MIB)


def without_engine(folder: Path) -> EmulatorProcess:
    """A server that has a store with some jobs in it, but no engine to run more."""
    _store_jobs(DataDir(folder / "data").database)
    return EmulatorProcess(folder / "data", docker_host=f"unix://{folder}/no-engine.sock", log_level="WARNING")


def _store_jobs(database: Path) -> None:
    """Jobs that have ended and left logs."""
    started = datetime.fromtimestamp(STARTED, UTC)
    database.parent.mkdir(parents=True)
    stores = open_store(database)
    try:
        for number in range(0, JOBS, 3):
            job = stores.jobs.add(a_key(f"job{number}"), a_request(f"job{number}"), {"k": "v"}, started)
            stores.jobs.ensure_instances(job.id, [LIMITS])
            stores.jobs.advance(job.id, job.phase, JobPhase.PULLING, started, JobFacts(started_at=started))
            stores.jobs.advance(job.id, JobPhase.PULLING, JobPhase.FAILED, started, JobFacts(ended_at=started))
            lines = [
                RawLine(at_ns=(STARTED * 1000 + seq) * 1_000_000, data=b" " * (seq % 3) + b"line\t%d" % seq)
                for seq in range(number * 100)
            ]
            if lines:
                stores.logs.append_output(job.id, 0, batch_of_lines(lines))
    finally:
        stores.close()


def _show(report: Report, seed: int) -> None:
    print(
        f"seed {seed}: {report.requests} requests in {report.seconds:.1f} s, {report.requests / report.seconds:.0f}/s"
    )
    print("status  " + "  ".join(f"{status or 'hung up'}: {n}" for status, n in sorted(report.statuses.items())))
    print("cases   " + "  ".join(f"{kind}: {n}" for kind, n in sorted(report.kinds.items())))
    print(f"memory of the server: {report.first_mib} MiB after {WARM_UP_REQUESTS}, {report.last_mib} MiB at the end")
    for failure in report.failures:
        print(f"FAILED {failure}")
    if report.failures:
        print(f"{len(report.failures)} failure(s); one again: make fuzz ARGS='--seed {seed} --replay NUMBER'")


def main() -> int:
    """The command; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Send generated requests to a server.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    parser.add_argument("--replay", type=int, metavar="NUMBER", help="send this case alone, and show it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="processing-emulator-fuzz-") as folder:
        server = without_engine(Path(folder))
        try:
            server.start()
            fuzz = Fuzz(server, options.seed)
            if options.replay is None:
                report = fuzz.run(options.requests)
            else:
                address = urlsplit(server.url)
                fuzz.play(options.replay, Wire(address.hostname or "", address.port or 0), show=True)
                report = fuzz.report
            code = server.stop()
        finally:
            server.kill()
    if options.replay is None:
        _show(report, options.seed)
        print(f"the server ended with {code}")
    return 1 if report.failures or code else 0


if __name__ == "__main__":
    sys.exit(main())
