"""The application over the use cases on the store in memory, with stand-ins behind it that answer with their names."""

from collections.abc import Mapping
from functools import cache

from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.gateway import create_app
from processing_emulator.aws.http.body import SILENCE_SECONDS
from processing_emulator.aws.http.maintenance_gate import MaintenanceGate
from processing_emulator.aws.protocols.model import ServiceModel, load_service_model
from processing_emulator.aws.services.catalogue import (
    cloudwatch,
    cloudwatch_logs,
    container_registry,
    event_bridge,
    identity_and_access,
    sagemaker,
    token_service,
)
from processing_emulator.aws.services.dispatcher import Dispatcher, Service
from processing_emulator.aws.signatures.check import SignatureCheck
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.aws.signatures.session_tokens import SessionTokenIssuer
from processing_emulator.jobs.changes import JobChanges
from processing_emulator.open_streams import OpenStreams
from processing_emulator.ports import Clock
from tests.unit.jobs.job_requests import Api


@cache
def service_model(service: str = "sagemaker") -> ServiceModel:
    """The model, read once for all tests of a process."""
    return load_service_model(service)


def a_dispatcher(
    api: Api, model: ServiceModel | None = None, keys: CredentialStore | None = None, clock: Clock | None = None
) -> Dispatcher:
    """All operations that are served, over these use cases; `model` in the place of SageMaker's."""
    own = {"sagemaker": model or service_model()}
    return Dispatcher(all_services(api, keys, clock), lambda name: own.get(name) or service_model(name))


def all_services(api: Api, keys: CredentialStore | None = None, clock: Clock | None = None) -> tuple[Service, ...]:
    """All services that are served, over these use cases."""
    return (
        sagemaker(service=api.service, listing=api.listing, tags=api.tags),
        cloudwatch_logs(api.logs, clock or api.clock),
        cloudwatch(api.metrics, api.alarms, clock or api.clock),
        event_bridge(api.rules),
        container_registry(api.clock),
        token_service(keys or a_credential_store(), clock or api.clock),
        identity_and_access(),
    )


def a_credential_store(configured: Mapping[str, str] | None = None) -> CredentialStore:
    """Temporary credentials, and these secret keys by access key."""
    return CredentialStore(session_tokens=SessionTokenIssuer(b"a secret of the tests"), configured=configured or {})


def named_app(name: str) -> ASGIApp:
    """An application that answers with its name."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(name)(scope, receive, send)

    return app


def app_over(
    api: Api,
    *,
    admin: ASGIApp | None = None,
    s3: ASGIApp | None = None,
    allowed_hosts: tuple[str, ...] = (),
    keys: CredentialStore | None = None,
    clock: Clock | None = None,
    enforced: bool = False,
    changes: JobChanges | None = None,
    streams: OpenStreams | None = None,
    gate: MaintenanceGate | None = None,
    silence_seconds: float = SILENCE_SECONDS,
) -> ASGIApp:
    """The whole application."""
    keys, clock = keys or a_credential_store(), clock or api.clock
    return create_app(
        dispatcher=a_dispatcher(api, keys=keys, clock=clock),
        account_of=keys.account_of,
        admin=admin or named_app("admin"),
        s3=s3 or named_app("s3"),
        changes=changes or JobChanges(api.store),
        streams=streams or OpenStreams(),
        gate=gate,
        allowed_hosts=allowed_hosts,
        signature_check=[Middleware(SignatureCheck, credentials=keys, clock=clock)] if enforced else [],
        silence_seconds=silence_seconds,
    )
