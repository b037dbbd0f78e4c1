"""All services that are served: for each a table of handlers, in the service's own names, and how it words errors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from processing_emulator.aws.protocols.model import ServiceModel
from processing_emulator.aws.protocols.wire_errors import (
    COMMON_FORMS,
    ECR_FORMS,
    LOGS_FORMS,
    MODELLED_NOT_FOUND,
    ErrorForms,
)
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.aws.services.ecr.get_authorization_token import get_authorization_token
from processing_emulator.aws.services.iam.get_role import get_role
from processing_emulator.aws.services.logs.describe_log_groups import describe_log_groups
from processing_emulator.aws.services.logs.describe_log_streams import describe_log_streams
from processing_emulator.aws.services.logs.get_log_events import get_log_events
from processing_emulator.aws.services.operation import Handler, Operation
from processing_emulator.aws.services.query_service import QueryService
from processing_emulator.aws.services.sagemaker.create_processing_job import create_processing_job
from processing_emulator.aws.services.sagemaker.delete_processing_job import delete_processing_job
from processing_emulator.aws.services.sagemaker.describe_processing_job import describe_processing_job
from processing_emulator.aws.services.sagemaker.list_processing_jobs import list_processing_jobs
from processing_emulator.aws.services.sagemaker.stop_processing_job import stop_processing_job
from processing_emulator.aws.services.sagemaker.tags import add_tags, delete_tags, list_tags
from processing_emulator.aws.services.sts.assume_role import assume_role
from processing_emulator.aws.services.sts.get_caller_identity import get_caller_identity
from processing_emulator.aws.signatures.credentials import KeyRing
from processing_emulator.jobs.listing import JobListing
from processing_emulator.jobs.service import JobService
from processing_emulator.jobs.tags import JobTags
from processing_emulator.logs.reading import LogReading
from processing_emulator.ports import Clock

JSON_SERVICES = ("sagemaker", "logs", "ecr")
"""Those made by `sagemaker`, `cloudwatch_logs` and `container_registry`, by botocore's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonService:
    """A service of the JSON protocols, by botocore's name: handlers by operation, and the forms of its errors.

    `special_forms`: by operation, what words errors in another way than the rest of the service.
    """

    name: str
    handlers: Mapping[str, Handler]
    forms: ErrorForms = field(default_factory=lambda: COMMON_FORMS)
    special_forms: Mapping[str, ErrorForms] = field(default_factory=lambda: MappingProxyType({}))

    def operations(self, model: ServiceModel) -> Mapping[str, Operation]:
        """Its operations by their X-Amz-Target."""
        return {
            f"{model.target_prefix}.{name}": Operation.of(
                model.operations[name], handler, self.special_forms.get(name, self.forms)
            )
            for name, handler in self.handlers.items()
        }


def json_dispatcher(services: Iterable[JsonService], load_model: Callable[[str], ServiceModel]) -> Dispatcher:
    """Serves these services; what they have but is not served here is refused by name."""
    operations: dict[str, Operation] = {}
    known: set[str] = set()
    for service in services:
        model = load_model(service.name)
        operations.update(service.operations(model))
        known.update(f"{model.target_prefix}.{name}" for name in model.operation_names)
    return Dispatcher(operations, frozenset(known))


def sagemaker(*, service: JobService, listing: JobListing, tags: JobTags) -> JsonService:
    """SageMaker, as far as processing jobs go."""
    return JsonService(
        name="sagemaker",
        handlers={
            "CreateProcessingJob": create_processing_job(service),
            "DescribeProcessingJob": describe_processing_job(service),
            "ListProcessingJobs": list_processing_jobs(listing),
            "StopProcessingJob": stop_processing_job(service),
            "DeleteProcessingJob": delete_processing_job(service),
            "AddTags": add_tags(tags),
            "ListTags": list_tags(tags),
            "DeleteTags": delete_tags(tags),
        },
        special_forms={"DeleteProcessingJob": MODELLED_NOT_FOUND},
    )


def cloudwatch_logs(reading: LogReading) -> JsonService:
    """CloudWatch Logs, as far as the logs of processing jobs are read."""
    return JsonService(
        name="logs",
        handlers={
            "DescribeLogGroups": describe_log_groups(reading),
            "DescribeLogStreams": describe_log_streams(reading),
            "GetLogEvents": get_log_events(reading),
        },
        forms=LOGS_FORMS,
    )


def container_registry(clock: Clock) -> JsonService:
    """ECR, as far as SDKs log in to it."""
    return JsonService(name="ecr", handlers={"GetAuthorizationToken": get_authorization_token(clock)}, forms=ECR_FORMS)


def query_services(keys: KeyRing, clock: Clock) -> Mapping[str, QueryService]:
    """The services of the query protocol by signing name."""
    return {
        "sts": QueryService(
            "sts", {"GetCallerIdentity": get_caller_identity(keys), "AssumeRole": assume_role(keys, clock)}
        ),
        "iam": QueryService("iam", {"GetRole": get_role}),
    }
