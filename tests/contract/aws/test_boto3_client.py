"""A real boto3 client against the server: the checks of spec section 9 that need no container, by their number."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from processing_emulator.domain.job import JobFacts
from processing_emulator.domain.phase import JobPhase
from tests.builders import ROLE, a_key, a_request, an_input, an_output
from tests.contract.aws.live_server import a_client
from tests.contract.aws.served_operations import Served, refusal_of
from tests.unit.jobs.job_requests import START


def test_01_describe_of_an_unknown_job_is_a_validation_exception(served: Served) -> None:
    assert refusal_of(served.client.describe_processing_job, ProcessingJobName="nope") == (
        "ValidationException",
        "Could not find requested job with name: nope",
    )


@pytest.mark.parametrize("again", ["Job", "job", "JOB"])
@pytest.mark.parametrize("phase", [JobPhase.PENDING, JobPhase.COMPLETED])
def test_02_second_create_with_same_name_is_resource_in_use(served: Served, again: str, phase: JobPhase) -> None:
    arn = served.create("Job")
    served.api.move(served.api.service.describe(a_key("Job")), phase)

    code, text = refusal_of(served.client.create_processing_job, **a_request(again))

    assert code == "ResourceInUse"
    assert text.endswith(f" ({arn})")
    assert served.names() == ["Job"]


@pytest.mark.parametrize("end", [JobPhase.COMPLETED, JobPhase.STOPPED])
def test_03_waiter_ends_on_completed_and_on_stopped(served: Served, end: JobPhase) -> None:
    served.create()
    served.api.move(served.api.service.describe(a_key()), JobPhase.STAGING_OUT)
    served.store.looks, served.store.end = 0, end

    waiter = served.client.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName="job", WaiterConfig={"Delay": 0, "MaxAttempts": 5})

    assert served.store.looks == 3
    assert served.describe()["ProcessingJobStatus"] == end


def test_03_waiter_fails_on_failed_and_on_an_unknown_name(served: Served) -> None:
    served.create()
    served.api.move(served.api.service.describe(a_key()), JobPhase.FAILED)
    waiter = served.client.get_waiter("processing_job_completed_or_stopped")

    for name in ("job", "nope"):
        with pytest.raises(WaiterError, match="terminal failure state"):
            waiter.wait(ProcessingJobName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2})


def test_04_names_keep_their_case_but_in_the_arn(served: Served) -> None:
    arn = served.create("My-JOB-a1B2")

    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:processing-job/my-job-a1b2"
    description = served.describe("My-JOB-a1B2")
    assert (description["ProcessingJobName"], description["ProcessingJobArn"]) == ("My-JOB-a1B2", arn)
    [summary] = served.client.list_processing_jobs()["ProcessingJobSummaries"]
    assert (summary["ProcessingJobName"], summary["ProcessingJobArn"]) == ("My-JOB-a1B2", arn)


def test_05_describe_fills_in_the_stopping_condition_and_leaves_out_the_rest(served: Served) -> None:
    served.create(Tags=[{"Key": "k", "Value": "v"}])

    assert served.describe() == {
        "ProcessingJobName": "job",
        "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/job",
        "ProcessingJobStatus": "InProgress",
        "ProcessingResources": a_request()["ProcessingResources"],
        "AppSpecification": a_request()["AppSpecification"],
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        "CreationTime": START,
        "LastModifiedTime": START,
    }


@pytest.mark.parametrize("empty", [{"inputs": []}, {"outputs": []}])
def test_05_empty_inputs_and_outputs_do_not_show(served: Served, empty: dict[str, Any]) -> None:
    served.create(**empty)

    assert {"ProcessingInputs", "ProcessingOutputConfig"}.isdisjoint(served.describe())


def test_05_describe_echoes_what_was_sent(served: Served) -> None:
    request = a_request(
        entrypoint=["python3", "x.py"],
        arguments=["--a", "1"],
        Environment={"A": "", "B": "\u00df\n"},
        StoppingCondition={"MaxRuntimeInSeconds": 5},
        NetworkConfig={"EnableNetworkIsolation": False},
        ExperimentConfig={"TrialName": "t"},
    )
    served.client.create_processing_job(**request)

    description = served.describe()

    assert {name: description[name] for name in request} == request


def test_05_describe_echoes_app_managed_inputs_and_outputs_of_any_kind(served: Served) -> None:
    athena = {
        "Catalog": "AwsDataCatalog",
        "Database": "dsoaws",
        "QueryString": "select * from amazon_reviews_tsv",
        "OutputS3Uri": "s3://bkt/athena/amazon-reviews-pds-tsv/",
        "OutputFormat": "PARQUET",
    }
    definition = {
        "AthenaDatasetDefinition": athena,
        "LocalPath": "/opt/ml/processing/amazon-reviews-pds-tsv",
        "DataDistributionType": "ShardedByS3Key",
        "InputMode": "File",
    }
    query = {"InputName": "athena", "AppManaged": True, "DatasetDefinition": definition}
    features = {"OutputName": "f.default", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "FG-flow"}}
    served.client.create_processing_job(**a_request(inputs=[query], outputs=[features]))

    description = served.describe()

    assert description["ProcessingInputs"] == [query]
    assert description["ProcessingOutputConfig"] == {"Outputs": [features]}


def test_05_an_https_uri_is_taken_from_s3_s_own_hosts_only(served: Served) -> None:
    url = "https://bkt.s3.eu-west-1.amazonaws.com/in/"
    served.client.create_processing_job(**a_request(inputs=[an_input(uri=url)]))

    assert served.describe()["ProcessingInputs"][0]["S3Input"]["S3Uri"] == url
    with pytest.raises(
        ClientError, match=r"S3Uri https://example.com/in/ is not supported by the emulator \(only s3://"
    ):
        served.client.create_processing_job(**a_request("other", inputs=[an_input(uri="https://example.com/in/")]))


def test_05_an_empty_environment_shows_as_empty(served: Served) -> None:
    served.create(Environment={})

    assert served.describe()["Environment"] == {}


@pytest.mark.parametrize(
    ("reason", "message"),
    [("AlgorithmError: , exit code: 3", None), ("AlgorithmError: x, exit code: 3", "x")],
)
def test_06_a_failed_job_shows_its_reason_and_message(served: Served, reason: str, message: str | None) -> None:
    served.create()
    facts = JobFacts(failure_reason=reason, exit_message=message)
    served.api.move(served.api.service.describe(a_key()), JobPhase.FAILED, facts)

    [summary] = served.client.list_processing_jobs()["ProcessingJobSummaries"]
    for shown in (served.describe(), summary):
        assert shown["ProcessingJobStatus"] == "Failed"
        assert shown["FailureReason"] == reason
        assert shown.get("ExitMessage") == message
        assert shown["ProcessingEndTime"] > START


def test_07_a_completed_job_shows_its_message(served: Served) -> None:
    served.create()
    served.api.move(served.api.service.describe(a_key()), JobPhase.COMPLETED, JobFacts(exit_message="done"))

    description = served.describe()

    assert (description["ProcessingJobStatus"], description["ExitMessage"]) == ("Completed", "done")
    assert "FailureReason" not in description


def test_22_stop_shows_at_once_and_ends_without_a_reason(served: Served) -> None:
    served.create()
    job = served.api.move(served.api.service.describe(a_key()), JobPhase.RUNNING)

    response = served.client.stop_processing_job(ProcessingJobName="job")

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert served.describe()["ProcessingJobStatus"] == "Stopping"
    assert served.names(StatusEquals="Stopping") == ["job"]
    assert served.names(StatusEquals="InProgress") == []
    served.api.move(job, JobPhase.STOPPED)
    description = served.describe()
    assert description["ProcessingJobStatus"] == "Stopped"
    assert "ProcessingEndTime" in description
    assert "FailureReason" not in description


def test_22_stop_of_a_finished_or_unknown_job_is_a_validation_exception(served: Served) -> None:
    served.create()
    served.api.move(served.api.service.describe(a_key()), JobPhase.COMPLETED)

    stop = served.client.stop_processing_job
    assert refusal_of(stop, ProcessingJobName="job") == (
        "ValidationException",
        "The request was rejected because the processing job is in status Completed.",
    )
    assert refusal_of(stop, ProcessingJobName="nope") == (
        "ValidationException",
        "Could not find requested job with name: nope",
    )


def test_24_a_job_that_brings_its_inputs_shows_its_start_time(served: Served) -> None:
    served.create(inputs=[an_input()])
    assert "ProcessingStartTime" not in served.describe()

    served.api.move(served.api.service.describe(a_key()), JobPhase.STAGING_IN)

    description = served.describe()
    assert description["ProcessingJobStatus"] == "InProgress"
    assert description["ProcessingStartTime"] > START
    assert "ProcessingEndTime" not in description


def test_25_several_violations_are_joined_in_the_service_s_form(served: Served) -> None:
    request = a_request("under_score", inputs=[an_input(f"i{n}") for n in range(11)], instance_type="ml.unknown")

    code, text = refusal_of(served.client.create_processing_job, **request)

    assert code == "ValidationException"
    assert text.startswith(
        "3 validation errors detected: Value '[ProcessingInput(inputName=i0, appManaged=null, s3Input="
    )
    violations = [
        "at 'processingInputs' failed to satisfy constraint: Member must have length less than or equal to 10; Value ",
        (
            "Value 'under_score' at 'processingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; Value "
        ),
        (
            "Value 'ml.unknown' at 'processingResources.clusterConfig.instanceType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [ml."
        ),
    ]
    positions = [text.index(violation) for violation in violations]
    assert positions == sorted(positions)
    assert served.names() == []


def test_27_list_filters_and_pages_to_the_end(served: Served) -> None:
    for number in range(25):
        served.create(f"{'even' if number % 2 == 0 else 'odd'}-{number:02}")
    for number in range(0, 10, 2):
        served.api.move(served.api.service.describe(a_key(f"even-{number:02}")), JobPhase.COMPLETED)

    assert served.names(NameContains="even") == [f"even-{n:02}" for n in range(0, 25, 2)]
    assert served.names(StatusEquals="Completed") == [f"even-{n:02}" for n in range(0, 10, 2)]
    assert served.names(NameContains="even", StatusEquals="InProgress") == [f"even-{n:02}" for n in range(10, 25, 2)]
    assert served.names(SortBy="Name", SortOrder="Descending")[:2] == ["odd-23", "odd-21"]
    assert len(served.names(PaginationConfig={"PageSize": 3})) == 25


def test_27_a_list_has_ten_jobs_oldest_first_by_default_and_no_token_at_the_end(served: Served) -> None:
    for number in range(11):
        served.create(f"job-{number}")

    first = served.client.list_processing_jobs()
    rest = served.client.list_processing_jobs(NextToken=first["NextToken"])

    assert [job["ProcessingJobName"] for job in first["ProcessingJobSummaries"]] == [f"job-{n}" for n in range(10)]
    assert [job["ProcessingJobName"] for job in rest["ProcessingJobSummaries"]] == ["job-10"]
    assert "NextToken" not in rest


def test_27_an_empty_list_is_there(served: Served) -> None:
    response = served.client.list_processing_jobs(NameContains="nothing")

    assert response["ProcessingJobSummaries"] == []
    assert "NextToken" not in response


def test_27_a_wrong_token_is_a_validation_exception(served: Served) -> None:
    assert refusal_of(served.client.list_processing_jobs, NextToken="bm9uc2Vuc2U=")[0] == "ValidationException"


def test_27_time_filters_take_aware_datetimes_and_are_exclusive(served: Served) -> None:
    for number in range(5):
        served.create(f"job-{number}")
    east = timezone(timedelta(hours=9))
    second = START.replace(microsecond=0)

    after = served.names(CreationTimeAfter=(second + timedelta(seconds=2)).astimezone(east))
    before = served.names(CreationTimeBefore=second + timedelta(seconds=2))
    between = served.names(
        LastModifiedTimeAfter=second + timedelta(seconds=1), LastModifiedTimeBefore=second + timedelta(seconds=3)
    )

    assert after == ["job-2", "job-3", "job-4"]
    assert before == ["job-0", "job-1"]
    assert between == ["job-1", "job-2"]
    assert served.names(CreationTimeAfter=datetime(9999, 1, 1, tzinfo=UTC)) == []


def test_29_describe_fills_in_the_distribution_but_not_the_compression(served: Served) -> None:
    served.create(inputs=[an_input()], outputs=[an_output()])

    description = served.describe()

    [shown_input] = description["ProcessingInputs"]
    assert shown_input == {
        **an_input(),
        "AppManaged": False,
        "S3Input": {**an_input()["S3Input"], "S3DataDistributionType": "FullyReplicated"},
    }
    assert description["ProcessingOutputConfig"] == {"Outputs": [{**an_output(), "AppManaged": False}]}
    assert description["LastModifiedTime"] == description["CreationTime"]


def test_29_what_was_sent_is_not_filled_in(served: Served) -> None:
    sent = an_input()
    sent["AppManaged"] = False
    sent["S3Input"] |= {"S3DataDistributionType": "ShardedByS3Key", "S3CompressionType": "None"}
    served.create(inputs=[sent])

    assert served.describe()["ProcessingInputs"] == [sent]


def test_accounts_and_regions_do_not_see_each_other(served: Served) -> None:
    other_account = a_client(served.url, access_key="111122223333")
    other_region = a_client(served.url, region="eu-west-1")
    served.create()

    arns = {client.create_processing_job(**a_request())["ProcessingJobArn"] for client in (other_account, other_region)}

    assert arns == {
        "arn:aws:sagemaker:us-east-1:111122223333:processing-job/job",
        "arn:aws:sagemaker:eu-west-1:000000000000:processing-job/job",
    }
    other_account.stop_processing_job(ProcessingJobName="job")
    assert served.describe()["ProcessingJobStatus"] == "InProgress"
    assert served.names() == ["job"]


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("list_training_jobs", {}),
        ("describe_training_job", {"TrainingJobName": "job"}),
    ],
)
def test_operations_that_are_not_served_are_refused_by_name(
    served: Served, call: str, parameters: dict[str, Any]
) -> None:
    code, text = refusal_of(getattr(served.client, call), **parameters)

    assert code == "UnknownOperationException"
    assert re.match(r"SageMaker (ListTrainingJobs|DescribeTrainingJob) is not supported", text)


@pytest.mark.parametrize(
    ("service", "call", "parameters", "code", "name"),
    [
        ("sts", "get_session_token", {}, "InvalidAction", "STS GetSessionToken"),
        ("iam", "list_roles", {}, "InvalidAction", "IAM ListRoles"),
        ("sns", "list_topics", {}, "InvalidAction", "SNS ListTopics"),
        ("ecr", "describe_repositories", {}, "UnknownOperationException", "ECR DescribeRepositories"),
        ("logs", "describe_metric_filters", {}, "UnknownOperationException", "CloudWatch Logs DescribeMetricFilters"),
        ("lambda", "list_functions", {}, "UnknownOperationException", "The service Lambda"),
        ("cloudwatch", "list_dashboards", {}, "UnknownOperationException", "CloudWatch ListDashboards"),
        ("dynamodb", "list_tables", {}, "UnknownOperationException", "DynamoDB ListTables"),
        ("kms", "list_keys", {}, "UnknownOperationException", "KMS ListKeys"),
    ],
)
def test_other_services_are_refused_by_name_in_a_form_their_clients_understand(
    served: Served, service: str, call: str, parameters: dict[str, Any], code: str, name: str
) -> None:
    client = a_client(served.url, service=service)

    refused_code, text = refusal_of(getattr(client, call), **parameters)

    assert refused_code == code
    assert text.startswith(f"{name} is not ")


def test_every_reply_has_a_request_id(served: Served) -> None:
    served.create()
    ids = {served.client.list_processing_jobs()["ResponseMetadata"]["RequestId"] for _ in range(2)}

    assert len(ids) == 2
    with pytest.raises(ClientError) as refusal:
        served.client.describe_processing_job(ProcessingJobName="nope")
    assert refusal.value.response["ResponseMetadata"]["RequestId"] not in ids
