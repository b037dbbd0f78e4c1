"""The server that the tests of a module share."""

from collections.abc import Iterator

import pytest

from tests.contract.aws.live_server import a_client, serving
from tests.contract.aws.served_operations import EndsWhileWatched, Served
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    """One server and one client for the module; making a client takes long."""
    store = EndsWhileWatched()
    api = Api(store)
    with serving(app_over(api)) as url:
        yield Served(api, store, url, a_client(url))


@pytest.fixture
def served(shared: Served) -> Served:
    """The server, emptied."""
    MemoryJobStore.__init__(shared.store)
    shared.store.looks, shared.store.end = 0, None
    shared.api.clock.looks = 0
    MemoryLogStore.__init__(shared.api.logs, shared.store)
    MemoryMetricStore.__init__(shared.api.metrics, shared.store)
    return shared
