"""The pool of connections: bounded, fair between transfers, and at rest when a transfer returns."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from processing_emulator.adapters.s3_store.connection import Connection, endpoint_of
from processing_emulator.adapters.s3_store.retry import RetryPolicy
from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.adapters.s3_store.transfer_pool import Task, TransferPool
from processing_emulator.errors import Cancelled, StagingFailure
from tests.waiting import wait_for

NEVER = threading.Event()


def new_connection() -> Connection:
    return Connection(
        endpoint_of("http://127.0.0.1:9"), Signer(Credentials(access_key="a", secret_key="b"), "r"), RetryPolicy()
    )


@pytest.fixture
def pool() -> Iterator[TransferPool]:
    made = TransferPool(2, new_connection)
    yield made
    made.close()


def test_every_task_runs_once(pool: TransferPool) -> None:
    done: list[int] = []

    def task(number: int) -> Task:
        def run(connection: Connection) -> Sequence[Task]:
            done.append(number)
            return ()

        return run

    pool.run([task(number) for number in range(500)], NEVER)
    assert sorted(done) == list(range(500))


def test_run_returns_after_the_tasks_that_tasks_returned(pool: TransferPool) -> None:
    done: list[str] = []

    def leaf(connection: Connection) -> Sequence[Task]:
        done.append("leaf")
        return ()

    def branch(connection: Connection) -> Sequence[Task]:
        done.append("branch")
        return [leaf, leaf]

    pool.run([lambda connection: [branch, branch]], NEVER)
    assert sorted(done) == ["branch"] * 2 + ["leaf"] * 4


def test_no_more_tasks_run_at_once_than_there_are_connections(pool: TransferPool) -> None:
    lock, both = threading.Lock(), threading.Barrier(2)
    running: list[int] = [0]
    most: list[int] = []

    def task(connection: Connection) -> Sequence[Task]:
        with lock:
            running[0] += 1
            most.append(running[0])
        both.wait(10)
        with lock:
            running[0] -= 1
        return ()

    threads = [threading.Thread(target=pool.run, args=([task] * 10, NEVER)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert max(most) == 2


def test_a_short_transfer_does_not_wait_for_a_long_one(pool: TransferPool) -> None:
    order: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def long_task(connection: Connection) -> Sequence[Task]:
        begun.set()
        go.wait(10)
        order.append("long")
        return ()

    def short_task(connection: Connection) -> Sequence[Task]:
        order.append("short")
        return ()

    long = threading.Thread(target=pool.run, args=([long_task] * 200, NEVER))
    long.start()
    begun.wait(10)
    short = threading.Thread(target=pool.run, args=([short_task], NEVER))
    short.start()
    wait_for("both transfers to be in the round", lambda: len(pool._batches) == 2)
    go.set()
    short.join(10)
    long.join(10)
    assert order.index("short") <= 5


def test_the_first_failure_ends_the_transfer_and_is_raised(pool: TransferPool) -> None:
    ran: list[int] = []

    def task(number: int) -> Task:
        def run(connection: Connection) -> Sequence[Task]:
            ran.append(number)
            if number == 3:
                raise StagingFailure("the third")
            return ()

        return run

    with pytest.raises(StagingFailure, match="the third"):
        pool.run([task(number) for number in range(1000)], NEVER)
    assert len(ran) < 1000


def test_run_raises_only_when_no_task_is_running_any_more(pool: TransferPool) -> None:
    other_runs, ended = threading.Event(), threading.Event()

    def fails(connection: Connection) -> Sequence[Task]:
        other_runs.wait(10)
        raise StagingFailure("first")

    def waits(connection: Connection) -> Sequence[Task]:
        other_runs.set()
        connection.stopped.wait(10)
        ended.set()
        return ()

    with pytest.raises(StagingFailure, match="first"):
        pool.run([fails, waits], NEVER)
    assert ended.is_set()


def test_cancelling_reaches_waiting_tasks(pool: TransferPool) -> None:
    cancel = threading.Event()

    def task(connection: Connection) -> Sequence[Task]:
        cancel.set()
        assert connection.stopped.wait(10)
        return ()

    with pytest.raises(Cancelled):
        pool.run([task] * 50, cancel)


def test_a_failing_transfer_does_not_affect_others(pool: TransferPool) -> None:
    done: list[int] = []

    def bad(connection: Connection) -> Sequence[Task]:
        raise StagingFailure("bad")

    def good(connection: Connection) -> Sequence[Task]:
        done.append(1)
        return ()

    def fail() -> None:
        with pytest.raises(StagingFailure):
            pool.run([bad], NEVER)

    threads = [threading.Thread(target=fail) for _ in range(3)]
    for thread in threads:
        thread.start()
    pool.run([good] * 100, NEVER)
    for thread in threads:
        thread.join(10)
    assert len(done) == 100


def test_close_ends_all_threads_and_refuses_more_work() -> None:
    pool = TransferPool(2, new_connection)
    pool.run([lambda connection: ()] * 10, NEVER)
    pool.close()
    assert not [thread for thread in pool._threads if thread.is_alive()]
    with pytest.raises(Cancelled):
        pool.run([lambda connection: ()], NEVER)


def test_close_cancels_running_transfers() -> None:
    pool = TransferPool(2, new_connection)
    begun = threading.Event()

    def task(connection: Connection) -> Sequence[Task]:
        begun.set()
        connection.stopped.wait(10)
        return ()

    def close() -> None:
        begun.wait(10)
        pool.close()

    threading.Thread(target=close).start()
    with pytest.raises(Cancelled):
        pool.run([task] * 20, NEVER)
