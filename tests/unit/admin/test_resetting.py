"""What a reset touches, in which order, and what it refuses before it touches anything."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from processing_emulator.admin.reset import (
    ExternalStoreKept,
    LoadedSeed,
    ResetScope,
    ResetSteps,
    Resetter,
    ServerStopping,
)
from processing_emulator.engine.scheduler import ResetResult
from processing_emulator.errors import StartFailure


class Server:
    """Notes what is done to it."""

    def __init__(self, *, is_external: bool = False) -> None:
        self.done: list[str] = []
        self.seed_fault: str | None = None
        self.warning: str | None = None
        self.resetter = Resetter(
            ResetSteps(
                forget_jobs=self.forget_jobs,
                empty_s3=self.empty_s3,
                s3_is_external=is_external,
                read_seed=self.read_seed,
                closed=self.closed,
            )
        )

    def forget_jobs(self) -> ResetResult:
        self.done.append("jobs")
        return ResetResult(jobs=3, leftovers=2, warning=self.warning)

    def empty_s3(self) -> list[str]:
        self.done.append("s3")
        return ["b", "a"]

    def read_seed(self) -> LoadedSeed | None:
        if self.seed_fault is not None:
            raise StartFailure(self.seed_fault)
        return LoadedSeed(apply=self.apply_seed)

    def apply_seed(self) -> dict[str, object]:
        self.done.append("seed")
        return {"buckets": 1}

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.done.append("close")
        yield
        self.done.append("open")


def test_all_is_jobs_then_s3_then_seed_behind_a_closed_gate() -> None:
    server = Server()
    answer = server.resetter.reset(ResetScope.ALL, external=False)
    assert server.done == ["close", "jobs", "s3", "seed", "open"]
    assert answer == {
        "status": "ok",
        "scope": "all",
        "jobs": {"removed": 3, "leftovers": 2},
        "s3": {"buckets": ["a", "b"], "leftAlone": False},
        "seed": {"buckets": 1},
    }


@pytest.mark.parametrize(("scope", "done"), [(ResetScope.JOBS, ["jobs"]), (ResetScope.S3, ["s3", "seed"])])
def test_a_scope_leaves_the_rest_alone(scope: ResetScope, done: list[str]) -> None:
    server = Server()
    server.resetter.reset(scope, external=False)
    assert server.done == ["close", *done, "open"]


def test_an_external_store_is_left_alone_and_seeded_again() -> None:
    server = Server(is_external=True)
    answer = server.resetter.reset(ResetScope.ALL, external=False)
    assert server.done == ["close", "jobs", "seed", "open"]
    assert answer["s3"] == {"buckets": [], "leftAlone": True}


def test_an_external_store_is_emptied_when_it_is_asked_for() -> None:
    server = Server(is_external=True)
    server.resetter.reset(ResetScope.S3, external=True)
    assert server.done == ["close", "s3", "seed", "open"]


def test_only_s3_of_an_external_store_is_refused_with_the_way_out() -> None:
    server = Server(is_external=True)
    with pytest.raises(ExternalStoreKept, match="external=true"):
        server.resetter.reset(ResetScope.S3, external=False)
    assert server.done == []


def test_a_broken_seed_is_refused_before_anything_is_touched() -> None:
    server = Server()
    server.seed_fault = "seed x is not YAML"
    with pytest.raises(StartFailure):
        server.resetter.reset(ResetScope.ALL, external=False)
    assert server.done == []


def test_what_could_not_be_removed_is_said() -> None:
    server = Server()
    server.warning = "Docker does not answer"
    assert server.resetter.reset(ResetScope.JOBS, external=False)["warning"] == "Docker does not answer"


def test_two_at_once_run_one_after_the_other() -> None:
    server = Server()
    threads = [threading.Thread(target=lambda: server.resetter.reset(ResetScope.ALL, external=False)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.done == ["close", "jobs", "s3", "seed", "open"] * 4


def test_a_server_that_ends_is_not_reset_any_more() -> None:
    server = Server()
    server.resetter.close()
    with pytest.raises(ServerStopping):
        server.resetter.reset(ResetScope.ALL, external=False)
    assert server.done == []
