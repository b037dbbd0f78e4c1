"""All services that are served: for each a table of handlers, in the service's own names, and how it words errors."""

from processing_emulator.aws.protocols.wire_errors import (
    CLOUDWATCH_FORMS,
    ECR_FORMS,
    EVENTS_FORMS,
    LOGS_FORMS,
    MODELLED_NOT_FOUND,
)
from processing_emulator.aws.services.cloudwatch.alarm_tags import list_tags_for_resource, tag_resource, untag_resource
from processing_emulator.aws.services.cloudwatch.alarms import delete_alarms, describe_alarms, put_metric_alarm
from processing_emulator.aws.services.cloudwatch.get_metric_data import get_metric_data
from processing_emulator.aws.services.cloudwatch.get_metric_statistics import get_metric_statistics
from processing_emulator.aws.services.cloudwatch.list_metrics import list_metrics
from processing_emulator.aws.services.cloudwatch.put_metric_data import put_metric_data
from processing_emulator.aws.services.dispatcher import Service
from processing_emulator.aws.services.ecr.get_authorization_token import get_authorization_token
from processing_emulator.aws.services.events.rule_tags import rule_tag_handlers
from processing_emulator.aws.services.events.rules import rule_handlers
from processing_emulator.aws.services.events.targets import target_handlers
from processing_emulator.aws.services.iam.get_role import get_role
from processing_emulator.aws.services.logs.describe_log_groups import describe_log_groups
from processing_emulator.aws.services.logs.describe_log_streams import describe_log_streams
from processing_emulator.aws.services.logs.filter_log_events import filter_log_events
from processing_emulator.aws.services.logs.get_log_events import get_log_events
from processing_emulator.aws.services.logs.groups_and_streams import group_handlers
from processing_emulator.aws.services.logs.put_log_events import put_log_events
from processing_emulator.aws.services.logs.queries import query_handlers
from processing_emulator.aws.services.logs.start_live_tail import start_live_tail
from processing_emulator.aws.services.logs.tags import tag_handlers
from processing_emulator.aws.services.sagemaker.create_processing_job import create_processing_job
from processing_emulator.aws.services.sagemaker.delete_processing_job import delete_processing_job
from processing_emulator.aws.services.sagemaker.describe_processing_job import describe_processing_job
from processing_emulator.aws.services.sagemaker.list_processing_jobs import list_processing_jobs
from processing_emulator.aws.services.sagemaker.stop_processing_job import stop_processing_job
from processing_emulator.aws.services.sagemaker.tags import add_tags, delete_tags, list_tags
from processing_emulator.aws.services.sts.assume_role import assume_role
from processing_emulator.aws.services.sts.get_caller_identity import get_caller_identity
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.jobs.listing import JobListing
from processing_emulator.jobs.service import JobService
from processing_emulator.jobs.tags import JobTags
from processing_emulator.logs.filtering import LogFiltering
from processing_emulator.logs.queries import LogQueries
from processing_emulator.logs.reading import LogReading
from processing_emulator.logs.writing import LogWriting
from processing_emulator.metrics.reading import MetricReading
from processing_emulator.ports import AlarmStore, Clock, EventRuleStore, LogStore, MetricStore


def sagemaker(*, service: JobService, listing: JobListing, tags: JobTags) -> Service:
    """SageMaker, as far as processing jobs go."""
    return Service(
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


def cloudwatch_logs(logs: LogStore, clock: Clock) -> Service:
    """CloudWatch Logs."""
    reading, writing = LogReading(logs), LogWriting(logs, clock)
    return Service(
        name="logs",
        handlers={
            "DescribeLogGroups": describe_log_groups(reading),
            "DescribeLogStreams": describe_log_streams(reading),
            "GetLogEvents": get_log_events(reading),
            "FilterLogEvents": filter_log_events(LogFiltering(logs)),
            "StartLiveTail": start_live_tail(logs, clock),
            "PutLogEvents": put_log_events(reading, writing),
            **group_handlers(writing),
            **query_handlers(LogQueries(logs, clock)),
            **tag_handlers(writing),
        },
        forms=LOGS_FORMS,
    )


def cloudwatch(store: MetricStore, alarms: AlarmStore, clock: Clock) -> Service:
    """CloudWatch's metrics, those of processing jobs and those that clients put."""
    reading = MetricReading(store, clock)
    return Service(
        name="cloudwatch",
        handlers={
            "ListMetrics": list_metrics(reading),
            "GetMetricStatistics": get_metric_statistics(reading),
            "GetMetricData": get_metric_data(store, clock),
            "PutMetricData": put_metric_data(store, clock),
            "PutMetricAlarm": put_metric_alarm(alarms, clock),
            "DescribeAlarms": describe_alarms(alarms),
            "DeleteAlarms": delete_alarms(alarms),
            "ListTagsForResource": list_tags_for_resource(alarms),
            "TagResource": tag_resource(alarms),
            "UntagResource": untag_resource(alarms),
        },
        forms=CLOUDWATCH_FORMS,
    )


def event_bridge(rules: EventRuleStore) -> Service:
    """EventBridge, as far as rules about processing jobs go."""
    return Service(
        name="events",
        handlers={**rule_handlers(rules), **target_handlers(rules), **rule_tag_handlers(rules)},
        forms=EVENTS_FORMS,
    )


def container_registry(clock: Clock) -> Service:
    """ECR, as far as SDKs log in to it."""
    return Service(name="ecr", handlers={"GetAuthorizationToken": get_authorization_token(clock)}, forms=ECR_FORMS)


def token_service(keys: CredentialStore, clock: Clock) -> Service:
    """STS, as far as SDKs ask for the caller's identity and for temporary credentials."""
    return Service(
        name="sts", handlers={"GetCallerIdentity": get_caller_identity(keys), "AssumeRole": assume_role(keys, clock)}
    )


def identity_and_access() -> Service:
    """IAM, as far as SDKs look up roles."""
    return Service(name="iam", handlers={"GetRole": get_role})
