"""All operations that are served, by target: for each service a table of handlers, in the service's own names."""

from collections.abc import Mapping

from emulator.aws.errors import COMMON_FORMS, LOGS_FORMS, MODELLED_NOT_FOUND, ErrorForms
from emulator.aws.model import SERVED, ServiceModel
from emulator.aws.operation import Handler, Operation
from emulator.aws.operations.create_processing_job import create_processing_job
from emulator.aws.operations.delete_processing_job import delete_processing_job
from emulator.aws.operations.describe_log_groups import describe_log_groups
from emulator.aws.operations.describe_log_streams import describe_log_streams
from emulator.aws.operations.describe_processing_job import describe_processing_job
from emulator.aws.operations.get_log_events import get_log_events
from emulator.aws.operations.list_processing_jobs import list_processing_jobs
from emulator.aws.operations.stop_processing_job import stop_processing_job
from emulator.aws.operations.tags import add_tags, delete_tags, list_tags
from emulator.jobs.listing import JobListing
from emulator.jobs.log_reading import LogReading
from emulator.jobs.service import JobService
from emulator.jobs.tags import JobTags

SAGEMAKER_FORMS: Mapping[str, ErrorForms] = {"DeleteProcessingJob": MODELLED_NOT_FOUND}
"""Operations of SageMaker that word errors in another way than the rest."""

CLOUDWATCH_LOGS_FORMS: Mapping[str, ErrorForms] = dict.fromkeys(SERVED["logs"], LOGS_FORMS)
"""All operations of CloudWatch Logs word errors in its own way."""


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


def logs_handlers(reading: LogReading) -> Mapping[str, Handler]:
    """Those of CloudWatch Logs by name."""
    return {
        "DescribeLogGroups": describe_log_groups(reading),
        "DescribeLogStreams": describe_log_streams(reading),
        "GetLogEvents": get_log_events(reading),
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
