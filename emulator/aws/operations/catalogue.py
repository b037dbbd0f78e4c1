"""All operations that are served, by target: for each service a table of handlers, in the service's own names."""

from collections.abc import Mapping

from emulator.aws.errors import COMMON_FORMS, ErrorForms
from emulator.aws.model import ServiceModel
from emulator.aws.operation import Handler, Operation
from emulator.aws.operations.create_processing_job import create_processing_job
from emulator.aws.operations.describe_processing_job import describe_processing_job
from emulator.aws.operations.list_processing_jobs import list_processing_jobs
from emulator.aws.operations.stop_processing_job import stop_processing_job
from emulator.jobs.listing import JobListing
from emulator.jobs.service import JobService


def sagemaker_handlers(*, service: JobService, listing: JobListing) -> Mapping[str, Handler]:
    """SageMaker's operations by name."""
    return {
        "CreateProcessingJob": create_processing_job(service),
        "DescribeProcessingJob": describe_processing_job(service),
        "ListProcessingJobs": list_processing_jobs(listing),
        "StopProcessingJob": stop_processing_job(service),
    }


def json_operations(
    model: ServiceModel, handlers: Mapping[str, Handler], error_forms: ErrorForms = COMMON_FORMS
) -> Mapping[str, Operation]:
    """The operations of one JSON service by their X-Amz-Target."""
    return {
        f"{model.target_prefix}.{name}": Operation.of(model.operations[name], handler, error_forms)
        for name, handler in handlers.items()
    }


def known_targets(model: ServiceModel) -> frozenset[str]:
    """The targets of all operations that the service has, served or not."""
    return frozenset(f"{model.target_prefix}.{name}" for name in model.operation_names)
