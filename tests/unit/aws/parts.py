"""A front door over the use cases on the store in memory, with stand-ins behind it that say who was asked."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.aws.app import front_door
from emulator.aws.dispatch import Dispatcher
from emulator.aws.model import ServiceModel, load_service_model
from emulator.aws.operations.catalogue import (
    CLOUDWATCH_LOGS_FORMS,
    SAGEMAKER_FORMS,
    json_operations,
    known_targets,
    logs_handlers,
    sagemaker_handlers,
)
from tests.unit.jobs.parts import Api


@cache
def service_model(service: str = "sagemaker") -> ServiceModel:
    """The model, read once for all tests of a process."""
    return load_service_model(service)


def a_dispatcher(api: Api, model: ServiceModel | None = None) -> Dispatcher:
    """All operations that are served, over these use cases; `model` in the place of SageMaker's."""
    model = model or service_model()
    logs_model = service_model("logs")
    handlers = sagemaker_handlers(service=api.service, listing=api.listing, tags=api.tags)
    operations = {
        **json_operations(model, handlers, SAGEMAKER_FORMS),
        **json_operations(logs_model, logs_handlers(api.log_reading), CLOUDWATCH_LOGS_FORMS),
    }
    return Dispatcher(operations, known_targets(model) | known_targets(logs_model))


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
) -> Iterator[ASGIApp]:
    """The whole front door; its worker threads end with the block."""
    with executor or ThreadPoolExecutor(2, thread_name_prefix="api") as pool:
        yield front_door(
            dispatcher=a_dispatcher(api),
            control=control or named_app("control"),
            s3=s3 or named_app("s3"),
            executor=pool,
            allowed_hosts=allowed_hosts,
        )


class SameThread(Executor):
    """Runs what it is given at once; for thousands of requests that need no thread."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # the base's generic signature
        """See the base class."""
        future: Future[object] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
