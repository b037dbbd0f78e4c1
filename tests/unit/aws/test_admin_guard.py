"""Containers of jobs do not reach the emulator's own endpoints."""

from collections.abc import Callable

import pytest
from starlette.types import Receive, Scope, Send

from processing_emulator.aws.http.admin_guard import AdminGuardMiddleware
from processing_emulator.aws.http.request_middleware import RequestMiddleware
from processing_emulator.errors import RuntimeUnavailable
from tests.unit.aws.asgi import Answer, Headers, call
from tests.unit.aws.aws_app import named_app

GUEST = "172.17.0.5"
HOST = ("host", "127.0.0.1:9320")


def job_addresses() -> set[str]:
    return {GUEST, "fd00::5"}


def engine_is_away() -> set[str]:
    raise RuntimeUnavailable("Docker does not answer")


def ask(
    address: str | None,
    path: str,
    *,
    method: str = "POST",
    headers: Headers = (HOST,),
    addresses: Callable[[], set[str]] = job_addresses,
) -> Answer:
    """A request from an address; None is a Unix socket."""
    guarded = RequestMiddleware(
        AdminGuardMiddleware(named_app("reached"), job_addresses=addresses), account_of=lambda _key: "0" * 12
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await guarded({**scope, "client": address and (address, 40000)}, receive, send)

    return call(app, method=method, path=path, headers=headers)


@pytest.mark.parametrize("address", [GUEST, f"::ffff:{GUEST}", "fd00::5"])
@pytest.mark.parametrize("path", ["/_emulator/reset", "/_emulator/jobs/j", "/_localstack/health", "/moto-api/reset"])
def test_container_is_refused(address: str, path: str) -> None:
    refused = ask(address, path)

    assert refused.status == 403
    assert refused.document["__type"].endswith("AccessDeniedException")
    assert b"PROCESSING_EMULATOR_CONTAINER_ADMIN=true" in refused.body


def test_container_reaches_aws_services() -> None:
    answer = ask(GUEST, "/", headers=(HOST, ("x-amz-target", "SageMaker.ListProcessingJobs")))

    assert (answer.status, answer.body) == (200, b"reached")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "172.17.0.1", "192.168.7.7", "::ffff:172.17.0.1"])
def test_other_clients_are_let_in(address: str) -> None:
    assert ask(address, "/_emulator/reset").body == b"reached"


@pytest.mark.parametrize("address", ["127.0.0.1", None])
def test_loopback_and_unix_sockets_are_let_in_without_asking_the_engine(address: str | None) -> None:
    assert ask(address, "/_emulator/reset", addresses=engine_is_away).body == b"reached"


def test_others_read_only_the_health_while_the_engine_is_away() -> None:
    health = ask("172.18.0.1", "/_emulator/health", method="GET", addresses=engine_is_away)
    refused = ask("172.18.0.1", "/_emulator/reset", addresses=engine_is_away)

    assert health.body == b"reached"
    assert refused.status == 403
    assert b"Docker does not answer" in refused.body
