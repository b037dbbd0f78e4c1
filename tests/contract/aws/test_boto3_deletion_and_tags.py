"""A real boto3 client: deletion, tags, instance preferences and quotas; checks of spec section 9 by their number."""

from typing import Any

import pytest

from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import InstanceChoice
from tests.builders import a_key, a_request
from tests.contract.aws.live_server import a_client, serving
from tests.contract.aws.served_operations import Served, refusal_of
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api

ARN = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/"


def as_dict(answer: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


def as_tags(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def end(served: Served, name: str, phase: JobPhase = JobPhase.STOPPED) -> None:
    served.api.move(served.api.service.describe(a_key(name)), phase)


def preferring(*names: str, **cluster: Any) -> dict[str, Any]:
    preferences = [{"InstanceType": name} for name in names]
    config = {"VolumeSizeInGB": 1, "InstanceCount": 1, "InstancePreferences": preferences, **cluster}
    return {"ProcessingResources": {"ClusterConfig": config}}


def test_26_add_overwrites_delete_of_an_absent_key_succeeds_and_list_shows_what_create_gave(served: Served) -> None:
    arn = served.create("Tagged", Tags=as_tags(team="a", stage="x"))
    client = served.client

    assert as_dict(client.list_tags(ResourceArn=arn)) == {"team": "a", "stage": "x"}
    assert as_dict(client.add_tags(ResourceArn=arn, Tags=as_tags(team="b", empty=""))) == {
        "team": "b",
        "stage": "x",
        "empty": "",
    }
    answer = client.delete_tags(ResourceArn=arn, TagKeys=["stage", "never there"])
    assert set(answer) == {"ResponseMetadata"}
    pages = list(client.get_paginator("list_tags").paginate(ResourceArn=arn))
    assert [as_dict(page) for page in pages] == [{"team": "b", "empty": ""}]
    assert "Tags" not in served.describe("Tagged")


@pytest.mark.parametrize("name", ["Tagged", "TAGGED", "tagged"])
def test_26_an_arn_names_its_job_in_any_case(served: Served, name: str) -> None:
    served.create("Tagged", Tags=as_tags(team="a"))

    assert as_dict(served.client.list_tags(ResourceArn=ARN + name)) == {"team": "a"}


def test_26_tags_of_what_does_not_exist_are_a_validation_exception(served: Served) -> None:
    arn = served.create("job")
    calls: tuple[tuple[Any, dict[str, Any]], ...] = (
        (served.client.list_tags, {}),
        (served.client.add_tags, {"Tags": as_tags(k="v")}),
        (served.client.delete_tags, {"TagKeys": ["k"]}),
    )

    for call, more in calls:
        code, text = refusal_of(call, ResourceArn=ARN + "nope", **more)
        assert (code, text) == ("ValidationException", f"Could not find requested resource with ARN: {ARN}nope")
    other = a_client(served.url, access_key="111122223333")
    assert refusal_of(other.list_tags, ResourceArn=arn)[0] == "ValidationException"
    assert refusal_of(served.client.list_tags, ResourceArn=arn, NextToken="x")[0] == "ValidationException"
    training = arn.replace("processing-job", "training-job")
    assert "training-job" in refusal_of(served.client.list_tags, ResourceArn=training)[1]


@pytest.mark.parametrize("stopping", [False, True])
def test_28_delete_of_a_running_job_is_resource_in_use(served: Served, stopping: bool) -> None:
    served.create()
    if stopping:
        served.client.stop_processing_job(ProcessingJobName="job")

    code, text = refusal_of(served.client.delete_processing_job, ProcessingJobName="job")

    assert code == "ResourceInUse"
    assert ("Stopping" if stopping else "InProgress") in text
    assert served.names() == ["job"]


@pytest.mark.parametrize("phase", [JobPhase.COMPLETED, JobPhase.FAILED, JobPhase.STOPPED])
def test_28_after_delete_the_name_is_free_and_the_metadata_gone(served: Served, phase: JobPhase) -> None:
    arn = served.create("Job", Tags=as_tags(k="v"))
    end(served, "Job", phase)

    answer = served.client.delete_processing_job(ProcessingJobName="Job")

    assert set(answer) == {"ResponseMetadata"}
    assert served.names() == []
    assert refusal_of(served.client.describe_processing_job, ProcessingJobName="Job")[0] == "ValidationException"
    assert refusal_of(served.client.stop_processing_job, ProcessingJobName="Job")[0] == "ValidationException"
    assert refusal_of(served.client.list_tags, ResourceArn=arn)[0] == "ValidationException"
    assert served.create("job") == arn
    assert as_dict(served.client.list_tags(ResourceArn=arn)) == {}
    assert served.describe("job")["ProcessingJobStatus"] == "InProgress"


def test_28_delete_of_an_unknown_job_is_resource_not_found(served: Served) -> None:
    with pytest.raises(served.client.exceptions.ResourceNotFound) as refusal:
        served.client.delete_processing_job(ProcessingJobName="nope")

    assert refusal.value.response["Message"] == "Could not find requested job with name: nope"


def test_preferences_show_as_sent_and_what_was_selected_once_it_is(served: Served) -> None:
    sent = preferring("ml.g5.xlarge", "ml.t3.medium")
    served.client.create_processing_job(**(a_request() | sent))
    assert served.describe()["ProcessingResources"] == sent["ProcessingResources"]

    job = served.api.service.describe(a_key())
    served.api.store.select(job.id, InstanceChoice(instance_type="ml.t3.medium", count=1))

    assert served.describe()["ProcessingResources"]["ClusterConfig"] == {
        **sent["ProcessingResources"]["ClusterConfig"],
        "SelectedInstanceType": "ml.t3.medium",
        "SelectedInstanceCount": 1,
    }


def test_preferences_that_contradict_themselves_are_refused(served: Served) -> None:
    for resources in (
        preferring("ml.t3.medium", "ml.t3.medium"),
        preferring("ml.t3.medium", InstanceType="ml.t3.medium"),
        preferring("ml.t3.medium", SelectedInstanceType="ml.t3.medium"),
    ):
        code, _ = refusal_of(served.client.create_processing_job, **(a_request() | resources))
        assert code == "ValidationException"
    code, text = refusal_of(served.client.create_processing_job, **(a_request() | preferring(*["ml.t3.medium"] * 6)))
    assert "at 'processingResources.clusterConfig.instancePreferences' failed to satisfy constraint" in text
    assert served.names() == []


def test_a_quota_is_answered_with_the_modelled_error() -> None:
    api = Api(quotas={"* for processing job usage": 1})
    with serving(app_over(api)) as url:
        client = a_client(url)
        client.create_processing_job(**a_request("first"))
        with pytest.raises(client.exceptions.ResourceLimitExceeded) as refusal:
            client.create_processing_job(**a_request("second"))

    assert refusal.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    assert refusal.value.response["Message"].startswith(
        "The account-level service limit 'ml.t3.medium for processing job usage' is 1 Instances, with current "
    )
