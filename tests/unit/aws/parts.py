"""A front door over the use cases on the store in memory, with stand-ins behind it that say who was asked."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from processing_emulator.aws.gateway import front_door
from processing_emulator.aws.http.maintenance_gate import Gate
from processing_emulator.aws.protocols.model import ServiceModel, load_service_model
from processing_emulator.aws.services.catalogue import (
    JsonService,
    cloudwatch_logs,
    container_registry,
    json_dispatcher,
    query_services,
    sagemaker,
)
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.aws.services.query_service import QueryDispatcher
from processing_emulator.aws.signatures.credentials import KeyRing
from processing_emulator.aws.signatures.enforcement import enforcing
from processing_emulator.aws.signatures.session_tokens import TokenMint
from processing_emulator.ports import Clock
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.unit.jobs.parts import Api


@cache
def service_model(service: str = "sagemaker") -> ServiceModel:
    """The model, read once for all tests of a process."""
    return load_service_model(service)


def a_dispatcher(api: Api, model: ServiceModel | None = None) -> Dispatcher:
    """All operations that are served, over these use cases; `model` in the place of SageMaker's."""
    own = {"sagemaker": model or service_model()}
    return json_dispatcher(json_services(api), lambda name: own.get(name) or service_model(name))


def json_services(api: Api) -> tuple[JsonService, ...]:
    """All services of the JSON protocols, over these use cases."""
    return (
        sagemaker(service=api.service, listing=api.listing, tags=api.tags),
        cloudwatch_logs(api.log_reading),
        container_registry(api.clock),
    )


def a_keyring(configured: Mapping[str, str] | None = None) -> KeyRing:
    """Temporary credentials, and these secret keys by access key."""
    return KeyRing(mint=TokenMint(b"a secret of the tests"), configured=configured or {})


def named_app(name: str) -> ASGIApp:
    """An application that answers with its name."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(name)(scope, receive, send)

    return app


@contextmanager
def front_door_over(
    api: Api,
    *,
    control: ASGIApp | None = None,
    s3: ASGIApp | None = None,
    allowed_hosts: tuple[str, ...] = (),
    executor: Executor | None = None,
    keys: KeyRing | None = None,
    clock: Clock | None = None,
    enforced: bool = False,
    gate: Gate | None = None,
) -> Iterator[ASGIApp]:
    """The whole front door; its worker threads end with the block."""
    keys, clock = keys or a_keyring(), clock or api.clock
    with executor or ThreadPoolExecutor(2, thread_name_prefix="api") as pool:
        app = front_door(
            dispatcher=a_dispatcher(api),
            query=QueryDispatcher(query_services(keys, clock)),
            account_of=keys.account_of,
            control=control or named_app("control"),
            s3=s3 or named_app("s3"),
            executor=pool,
            gate=gate,
            allowed_hosts=allowed_hosts,
        )
        yield enforcing(app, keys, clock) if enforced else app


class SameThread(Executor):
    """Runs what it is given at once; for thousands of requests that need no thread."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # the base's generic signature
        """See the base class."""
        future: Future[object] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
