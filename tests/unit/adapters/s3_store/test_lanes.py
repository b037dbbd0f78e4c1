"""The pool: bounded, fair between transfers, and quiet when it is done."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from processing_emulator.adapters.s3_store.lane import Lane, RetryPolicy, endpoint_of
from processing_emulator.adapters.s3_store.lanes import LanePool, Piece
from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.errors import Cancelled, StagingFailure

from tests.waiting import wait_for

NEVER = threading.Event()


def new_lane() -> Lane:
    return Lane(
        endpoint_of("http://127.0.0.1:9"), Signer(Credentials(access_key="a", secret_key="b"), "r"), RetryPolicy()
    )


@pytest.fixture
def pool() -> Iterator[LanePool]:
    made = LanePool(2, new_lane)
    yield made
    made.close()


def test_runs_every_piece_once(pool: LanePool) -> None:
    done: list[int] = []

    def piece(number: int) -> Piece:
        def run(lane: Lane) -> Sequence[Piece]:
            done.append(number)
            return ()

        return run

    pool.run([piece(number) for number in range(500)], NEVER)
    assert sorted(done) == list(range(500))


def test_runs_what_follows_a_piece_before_it_returns(pool: LanePool) -> None:
    done: list[str] = []

    def leaf(lane: Lane) -> Sequence[Piece]:
        done.append("leaf")
        return ()

    def branch(lane: Lane) -> Sequence[Piece]:
        done.append("branch")
        return [leaf, leaf]

    pool.run([lambda lane: [branch, branch]], NEVER)
    assert sorted(done) == ["branch"] * 2 + ["leaf"] * 4


def test_no_more_pieces_at_once_than_lanes(pool: LanePool) -> None:
    lock, both = threading.Lock(), threading.Barrier(2)
    running: list[int] = [0]
    most: list[int] = []

    def piece(lane: Lane) -> Sequence[Piece]:
        with lock:
            running[0] += 1
            most.append(running[0])
        both.wait(10)
        with lock:
            running[0] -= 1
        return ()

    threads = [threading.Thread(target=pool.run, args=([piece] * 10, NEVER)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert max(most) == 2


def test_short_transfer_does_not_wait_for_a_long_one(pool: LanePool) -> None:
    order: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def long_piece(lane: Lane) -> Sequence[Piece]:
        begun.set()
        go.wait(10)
        order.append("long")
        return ()

    def short_piece(lane: Lane) -> Sequence[Piece]:
        order.append("short")
        return ()

    long = threading.Thread(target=pool.run, args=([long_piece] * 200, NEVER))
    long.start()
    begun.wait(10)
    short = threading.Thread(target=pool.run, args=([short_piece], NEVER))
    short.start()
    wait_for("both transfers to be in the round", lambda: len(pool._batches) == 2)
    go.set()
    short.join(10)
    long.join(10)
    assert order.index("short") <= 5


def test_first_failure_ends_the_transfer_and_is_told(pool: LanePool) -> None:
    ran: list[int] = []

    def piece(number: int) -> Piece:
        def run(lane: Lane) -> Sequence[Piece]:
            ran.append(number)
            if number == 3:
                raise StagingFailure("the third")
            return ()

        return run

    with pytest.raises(StagingFailure, match="the third"):
        pool.run([piece(number) for number in range(1000)], NEVER)
    assert len(ran) < 1000


def test_failure_is_told_when_all_pieces_are_at_rest(pool: LanePool) -> None:
    other_runs, ended = threading.Event(), threading.Event()

    def fails(lane: Lane) -> Sequence[Piece]:
        other_runs.wait(10)
        raise StagingFailure("first")

    def waits(lane: Lane) -> Sequence[Piece]:
        other_runs.set()
        lane.stopped.wait(10)
        ended.set()
        return ()

    with pytest.raises(StagingFailure, match="first"):
        pool.run([fails, waits], NEVER)
    assert ended.is_set()


def test_cancel_reaches_pieces_that_wait(pool: LanePool) -> None:
    cancel = threading.Event()

    def piece(lane: Lane) -> Sequence[Piece]:
        cancel.set()
        assert lane.stopped.wait(10)
        return ()

    with pytest.raises(Cancelled):
        pool.run([piece] * 50, cancel)


def test_failing_transfer_leaves_others_alone(pool: LanePool) -> None:
    done: list[int] = []

    def bad(lane: Lane) -> Sequence[Piece]:
        raise StagingFailure("bad")

    def good(lane: Lane) -> Sequence[Piece]:
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


def test_close_ends_all_threads_and_takes_no_more_work() -> None:
    pool = LanePool(2, new_lane)
    pool.run([lambda lane: ()] * 10, NEVER)
    pool.close()
    assert not [thread for thread in pool._threads if thread.is_alive()]
    with pytest.raises(Cancelled):
        pool.run([lambda lane: ()], NEVER)


def test_close_breaks_off_what_runs() -> None:
    pool = LanePool(2, new_lane)
    begun = threading.Event()

    def piece(lane: Lane) -> Sequence[Piece]:
        begun.set()
        lane.stopped.wait(10)
        return ()

    def close() -> None:
        begun.wait(10)
        pool.close()

    threading.Thread(target=close).start()
    with pytest.raises(Cancelled):
        pool.run([piece] * 20, NEVER)
