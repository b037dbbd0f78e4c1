"""All operations that are served, by target: for each service a table of handlers, in the service's own names."""

from collections.abc import Mapping

from emulator.aws.errors import COMMON_FORMS, ECR_FORMS, MODELLED_NOT_FOUND, ErrorForms
from emulator.aws.keyring import KeyRing
from emulator.aws.model import ServiceModel
from emulator.aws.operation import Handler, Operation
from emulator.aws.operations.assume_role import assume_role
from emulator.aws.operations.create_processing_job import create_processing_job
from emulator.aws.operations.delete_processing_job import delete_processing_job
from emulator.aws.operations.describe_processing_job import describe_processing_job
from emulator.aws.operations.get_authorization_token import get_authorization_token
from emulator.aws.operations.get_caller_identity import get_caller_identity
from emulator.aws.operations.get_role import get_role
from emulator.aws.operations.list_processing_jobs import list_processing_jobs
from emulator.aws.operations.stop_processing_job import stop_processing_job
from emulator.aws.operations.tags import add_tags, delete_tags, list_tags
from emulator.aws.query_service import QueryService
from emulator.jobs.listing import JobListing
from emulator.jobs.service import JobService
from emulator.jobs.tags import JobTags
from emulator.ports import Clock

SAGEMAKER_FORMS: Mapping[str, ErrorForms] = {"DeleteProcessingJob": MODELLED_NOT_FOUND}
"""Operations of SageMaker that word errors in another way than the rest."""

ECR_OPERATION_FORMS: Mapping[str, ErrorForms] = {"GetAuthorizationToken": ECR_FORMS}
"""The same for the container registry."""


def sagemaker_handlers(*, service: JobService, listing: JobListing, tags: JobTags) -> Mapping[str, Handler]:
    """SageMaker's operations by name."""
    return {
        "CreateProcessingJob": create_processing_job(service),
        "DescribeProcessingJob": describe_processing_job(service),
        "ListProcessingJobs": list_processing_jobs(listing),
        "StopProcessingJob": stop_processing_job(service),
        "DeleteProcessingJob": delete_processing_job(service),
        "AddTags": add_tags(tags),
        "ListTags": list_tags(tags),
        "DeleteTags": delete_tags(tags),
    }


def ecr_handlers(clock: Clock) -> Mapping[str, Handler]:
    """The container registry's operations by name."""
    return {"GetAuthorizationToken": get_authorization_token(clock)}


def query_services(keys: KeyRing, clock: Clock) -> Mapping[str, QueryService]:
    """The services of the query protocol by signing name."""
    return {
        "sts": QueryService(
            "sts", {"GetCallerIdentity": get_caller_identity(keys), "AssumeRole": assume_role(keys, clock)}
        ),
        "iam": QueryService("iam", {"GetRole": get_role}),
    }


def json_operations(
    model: ServiceModel, handlers: Mapping[str, Handler], forms_by_operation: Mapping[str, ErrorForms] | None = None
) -> Mapping[str, Operation]:
    """The operations of one JSON service by their X-Amz-Target; their errors take the common forms or those given."""
    forms = forms_by_operation or {}
    return {
        f"{model.target_prefix}.{name}": Operation.of(model.operations[name], handler, forms.get(name, COMMON_FORMS))
        for name, handler in handlers.items()
    }


def known_targets(model: ServiceModel) -> frozenset[str]:
    """The targets of all operations that the service has, served or not."""
    return frozenset(f"{model.target_prefix}.{name}" for name in model.operation_names)
