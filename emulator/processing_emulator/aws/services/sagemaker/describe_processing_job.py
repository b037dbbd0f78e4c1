"""DescribeProcessingJob: the request back, filled in and cut down as the service does it (spec 1.4)."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.operation import Handler, StatefulAnswer
from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.domain.phase import ProcessingJobStatus
from processing_emulator.domain.spec import DEFAULT_MAX_RUNTIME_SECONDS
from processing_emulator.jobs.changes import state_to_watch
from processing_emulator.jobs.service import JobService

_ECHOED = ("AppSpecification", "Environment", "NetworkConfig", "RoleArn", "ExperimentConfig")


def describe_processing_job(service: JobService) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        job = service.describe(JobKey(context.account, context.region, request["ProcessingJobName"]))
        answer = StatefulAnswer(description_of(job))
        answer.state = state_to_watch(job)
        return answer

    return handle


def description_of(job: ProcessingJob) -> dict[str, object]:
    """The members of DescribeProcessingJobResponse."""
    request = job.request
    inputs = request.get("ProcessingInputs")
    stopping = request.get("StoppingCondition") or {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS}
    return present(
        ProcessingInputs=[_input(item) for item in inputs] if inputs else None,
        ProcessingOutputConfig=_output_config(request.get("ProcessingOutputConfig")),
        ProcessingResources=_resources(job),
        StoppingCondition=stopping,
        **{name: request.get(name) for name in _ECHOED},
        **state_of(job),
        ProcessingStartTime=job.started_at,
    )


def state_of(job: ProcessingJob) -> dict[str, object]:
    """What Describe and List both show of a job. What a run left behind shows once the job has ended (spec 1.4)."""
    status, ended = job.status, job.phase.is_terminal
    return present(
        ProcessingJobName=job.key.name,
        ProcessingJobArn=job.key.arn,
        ProcessingJobStatus=status,
        CreationTime=job.created_at,
        LastModifiedTime=job.modified_at,
        ProcessingEndTime=job.ended_at if ended else None,
        FailureReason=job.failure_reason if status is ProcessingJobStatus.FAILED else None,
        ExitMessage=job.exit_message if ended else None,
    )


def _input(item: Mapping[str, Any]) -> dict[str, object]:
    shown: dict[str, object] = {"AppManaged": False, **item}
    if "S3Input" in item:
        shown["S3Input"] = {"S3DataDistributionType": "FullyReplicated", **item["S3Input"]}
    return shown


def _resources(job: ProcessingJob) -> Mapping[str, Any]:
    """As asked for, and what was selected from InstancePreferences once that is known (spec 1.3)."""
    resources: Mapping[str, Any] = job.request["ProcessingResources"]
    if job.selected is None:
        return resources
    selected = {"SelectedInstanceType": job.selected.instance_type, "SelectedInstanceCount": job.selected.count}
    return {**resources, "ClusterConfig": {**resources["ClusterConfig"], **selected}}


def _output_config(config: Mapping[str, Any] | None) -> dict[str, object] | None:
    """Shown only if there are outputs."""
    if not config or not config["Outputs"]:
        return None
    return {**config, "Outputs": [{"AppManaged": False, **item} for item in config["Outputs"]]}
