"""Sends some thousand requests of `make fuzz` to a real server process."""

import zlib
from pathlib import Path

from tests.contract.fuzz.calls import operations
from tests.contract.fuzz.cases import KINDS, case
from tests.contract.fuzz.run import Fuzz, without_engine

REQUESTS = 5000
SEED = 20_26
"""A fixed seed, so that the requests are always the same."""


def test_server_survives_fuzzed_requests(tmp_path: Path) -> None:
    server = without_engine(tmp_path)
    try:
        server.start()
        report = Fuzz(server, SEED).run(REQUESTS)
        assert report.failures == []
        assert set(report.kinds) == {kind.__name__ for kind in KINDS}
        assert report.statuses[200] > REQUESTS // 20
        assert server.stop() == 0
    finally:
        server.kill()


def test_cases_are_reproducible() -> None:
    def digest(index: int) -> int:
        return zlib.crc32(next(case(SEED, index)[1]).data)

    assert [digest(index) for index in range(300)] == [digest(index) for index in range(300)]


def test_cases_cover_every_operation() -> None:
    sent = b"".join(next(case(SEED, index)[1]).data for index in range(3000))

    for _, operation in operations():
        assert operation.name.encode() in sent, operation.name
