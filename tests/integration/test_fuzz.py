"""No request makes a server fail: a few thousand of those that `make fuzz` sends, to a process of its own."""

import zlib
from pathlib import Path

from tests.contract.fuzz.calls import operations
from tests.contract.fuzz.cases import KINDS, case
from tests.contract.fuzz.run import Fuzz, without_engine

REQUESTS = 5000
SEED = 20_26
"""Always the same requests, so that a failure here is not a matter of luck."""


def test_no_request_makes_a_server_fail(tmp_path: Path) -> None:
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


def test_a_case_is_the_same_whenever_it_is_asked_for() -> None:
    def digest(index: int) -> int:
        return zlib.crc32(next(case(SEED, index)[1]).data)

    assert [digest(index) for index in range(300)] == [digest(index) for index in range(300)]


def test_every_operation_that_is_served_is_asked() -> None:
    sent = b"".join(next(case(SEED, index)[1]).data for index in range(3000))

    for _, operation in operations():
        assert operation.name.encode() in sent, operation.name
