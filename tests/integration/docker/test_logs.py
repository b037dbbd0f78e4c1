"""Every log line once and in order: fast output, log rotation, streams that are cut and resumed."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.domain.job import LogCursor
from processing_emulator.domain.log_events import PIECE_BYTES
from processing_emulator.engine.log_pump import LogPump
from processing_emulator.ports import ContainerRuntime, RawLine
from tests.contract.ports.stores import add_instance, output_of
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fixtures_docker import EngineProxy, RuntimeFactory, a_container
from tests.waiting import wait_for

COUNT = """
import sys, time
for number in range({lines}):
    out = sys.stderr if {both} and number % 3 == 0 else sys.stdout
    out.write(f"{{number}} {padding}\\n")
    if {pause} and number % 500 == 0:
        sys.stdout.flush()
        time.sleep({pause})
"""


def counting(runtime: DockerRuntime, lines: int, *, pause: float = 0.0, both: bool = False) -> str:
    """A container that prints numbered lines of 80 bytes."""
    code = COUNT.format(lines=lines, pause=pause, both=both, padding="x" * 72)
    container_id = runtime.create(a_container("python3", "-u" if both else "-B", "-c", code))
    runtime.start(container_id)
    return container_id


def numbers(batches: Iterator[Sequence[RawLine]]) -> list[int]:
    return [int(line.data.split()[0]) for batch in batches for line in batch]


def test_no_lines_are_lost_when_the_container_exits(docker_runtime: DockerRuntime) -> None:
    for _ in range(5):
        container_id = counting(docker_runtime, 20_000)

        assert numbers(docker_runtime.stream_logs(container_id, 0)) == list(range(20_000))


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["flood", "steady"])
def test_no_lines_are_lost_when_the_engine_rotates_its_log(make_runtime: RuntimeFactory, pause: float) -> None:
    """20,000 lines make 3 MB of log, which the four log files can hold."""
    runtime = make_runtime(log_file_bytes=1_000_000)
    container_id = counting(runtime, 20_000, pause=pause)

    assert numbers(runtime.stream_logs(container_id, 0)) == list(range(20_000))


def test_no_lines_of_both_streams_are_lost_when_the_engine_rotates_its_log(make_runtime: RuntimeFactory) -> None:
    runtime = make_runtime(log_file_bytes=500_000)
    container_id = counting(runtime, 12_000, pause=0.05, both=True)

    read = numbers(runtime.stream_logs(container_id, 0))

    assert sorted(read) == list(range(12_000))
    assert [number for number in read if number % 3] == [number for number in range(12_000) if number % 3]


def test_only_the_oldest_lines_are_lost_when_all_log_files_are_full(make_runtime: RuntimeFactory) -> None:
    runtime = make_runtime(log_file_bytes=100_000)
    container_id = counting(runtime, 20_000)
    runtime.wait(container_id)

    read = numbers(runtime.stream_logs(container_id, 0))

    assert read[-1] == 19_999
    assert len(read) < 20_000
    assert all(after == before + 1 for before, after in pairwise(read))


@pytest.mark.parametrize("first", ["", "short\n"], ids=["at the start", "after a line"])
def test_all_equal_pieces_of_a_long_line_are_read(make_runtime: RuntimeFactory, first: str) -> None:
    """All pieces of a line have one time stamp. Five megabytes take three of the engine's four log files."""
    runtime = make_runtime(log_file_bytes=2_000_000)
    code = (
        f"import sys, time\nsys.stdout.write({first!r})\n"
        "for part in range(50):\n    sys.stdout.write('x' * 100_000); sys.stdout.flush(); time.sleep(0.03)\n"
        "print(); print('last')"
    )
    container_id = runtime.create(a_container("python3", "-c", code))
    runtime.start(container_id)
    lost: list[None] = []

    lines = [line.data for batch in runtime.stream_logs(container_id, 0, lambda: lost.append(None)) for line in batch]

    assert lines[0] == (b"short" if first else b"x" * PIECE_BYTES)
    assert lines[-1] == b"last"
    assert sum(map(len, lines)) == 5_000_000 + 4 + len(first.strip())
    assert not lost


def test_lines_that_the_engine_dropped_unread_are_reported(make_runtime: RuntimeFactory) -> None:
    """The reader takes the first batch and waits until the container has printed more than the log can hold."""
    runtime = make_runtime(log_file_bytes=100_000)
    container_id = counting(runtime, 20_000, pause=0.02)
    lost: list[None] = []
    stream = runtime.stream_logs(container_id, 0, lambda: lost.append(None))
    read = numbers(iter([next(stream)]))
    runtime.wait(container_id)

    read += numbers(stream)

    assert lost
    assert (read[0], read[-1]) == (0, 19_999)
    assert len(set(read)) < 20_000


def test_lines_that_the_engine_dropped_while_no_server_ran_make_the_log_incomplete(
    make_runtime: RuntimeFactory,
) -> None:
    runtime = make_runtime(log_file_bytes=100_000)
    code = (
        "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: None)\n"
        "for n in range(100): print(n, flush=True)\nsignal.pause()\nfor n in range(100, 20_000): print(n, 'x' * 72)"
    )
    container_id = runtime.create(a_container("python3", "-c", code))
    runtime.start(container_id)
    jobs = MemoryJobStore()
    logs, job_id = MemoryLogStore(jobs), add_instance(jobs)

    def pump() -> LogPump:
        (record,) = jobs.list_instances(job_id)
        made = LogPump(runtime, logs, SystemClock(), record, container_id, "test")
        made.start(lambda _failure: None)
        return made

    def stored() -> list[int]:
        return [int(event.message.split()[0]) for event in output_of(logs, job_id)]

    first = pump()
    wait_for("the first lines to be stored", lambda: len(stored()) == 100 or None)
    first.abandon()
    runtime.signal(container_id, "SIGUSR1")
    runtime.wait(container_id)
    second = pump()

    assert not second.finish(engine_was_away=False)
    assert stored()[:100] == list(range(100))
    kept = stored()[100:]
    assert kept[0] > 100
    assert kept == list(range(kept[0], 20_000))


def test_line_printed_between_two_passes_arrives_soon(make_runtime: RuntimeFactory) -> None:
    """After rotation the log is read in passes; a silent container must not delay the last lines."""
    runtime = make_runtime(log_file_bytes=100_000)
    code = "import time\nfor n in range(2000): print(n, 'x' * 80)\nprint(2000, flush=True)\ntime.sleep(600)"
    container_id = runtime.create(a_container("python3", "-c", code))
    runtime.start(container_id)
    read: list[int] = []
    for batch in runtime.stream_logs(container_id, 0):
        read += [int(line.data.split()[0]) for line in batch]
        if read[-1] == 2000:
            break

    assert read == list(range(2001))


@pytest.mark.parametrize("log_file_bytes", [256 * 1024**2, 500_000], ids=["followed", "in passes"])
def test_reader_resumes_at_its_cursor_without_gaps_or_duplicates(
    make_runtime: RuntimeFactory, log_file_bytes: int
) -> None:
    runtime = make_runtime(log_file_bytes=log_file_bytes)
    container_id = counting(runtime, 12_000, pause=0.1, both=True)
    read: list[int] = []
    cursor = LogCursor()

    for stop_at in (1, 2_000, 2_001, 7_000, 12_000):
        cursor = read_on(runtime, container_id, cursor, read, stop_at)

    assert sorted(read) == list(range(12_000))


def read_on(
    runtime: ContainerRuntime, container_id: str, cursor: LogCursor, read: list[int], stop_at: int
) -> LogCursor:
    """Read from a cursor until there are this many lines; returns the new cursor."""
    skip = cursor.lines_in_second
    for batch in runtime.stream_logs(container_id, cursor.second):
        fresh = batch[skip:][: stop_at - len(read)]
        skip = max(0, skip - len(batch))
        read += [int(line.data.split()[0]) for line in fresh]
        cursor = cursor.advanced([line.at_ns for line in fresh])
        if len(read) == stop_at:
            break
    return cursor


def test_dropped_stream_releases_its_connection(make_runtime: RuntimeFactory, engine_proxy: EngineProxy) -> None:
    runtime = make_runtime(engine_proxy.address)
    container_id = runtime.create(a_container("sh", "-c", "echo ready; sleep 600"))
    runtime.start(container_id)
    before = engine_proxy.open_connections()

    for _ in range(5):
        stream = runtime.stream_logs(container_id, 0)
        next(stream)
        del stream

    engine_proxy.await_connections(before)


def test_closing_the_runtime_ends_a_reader_of_a_silent_log(make_runtime: RuntimeFactory) -> None:
    runtime = make_runtime()
    container_id = runtime.create(a_container("sh", "-c", "echo ready; sleep 600"))
    runtime.start(container_id)
    begun = threading.Event()

    def read() -> list[bytes]:
        lines = []
        for batch in runtime.stream_logs(container_id, 0):
            lines += [line.data for line in batch]
            begun.set()
        return lines

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read)
        assert begun.wait(20)
        runtime.close()

        assert reading.result(10) == [b"ready"]
