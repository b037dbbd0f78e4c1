"""Accounts and regions are separate, seen through real clients: by access key, and by assuming a role."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from processing_emulator.adapters.clock import SystemClock
from tests.builders import a_request
from tests.contract.aws.live_server import a_client, serving
from tests.unit.aws.aws_app import a_credential_store, app_over
from tests.unit.jobs.job_requests import START, Api

HOME, OTHER = "111122223333", "999988887777"
PLACES = [(HOME, "us-east-1"), (HOME, "eu-west-1"), (OTHER, "us-east-1"), (OTHER, "eu-west-1")]
ROLE = f"arn:aws:iam::{OTHER}:role/service-role/Worker"


@pytest.fixture
def url() -> Iterator[str]:
    """A server over an empty store."""
    with serving(app_over(Api())) as url:
        yield url


@pytest.fixture
def enforced_url() -> Iterator[str]:
    """The same with signatures enforced; the secret key of the account is `right`."""
    keys = a_credential_store({HOME: "right"})
    with serving(app_over(Api(), keys=keys, clock=SystemClock(), enforced=True)) as url:
        yield url


def assumed(sts: Any, **more: Any) -> dict[str, Any]:
    """The arguments of a client that has assumed the role."""
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="me", **more)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/Worker/me"
    credentials = answer["Credentials"]
    return {
        "access_key": credentials["AccessKeyId"],
        "secret_key": credentials["SecretAccessKey"],
        "session_token": credentials["SessionToken"],
    }


def names(client: Any) -> list[str]:
    """All jobs that a client sees."""
    return [job["ProcessingJobName"] for job in client.list_processing_jobs()["ProcessingJobSummaries"]]


def test_accounts_and_regions_are_separate(url: str) -> None:
    clients = {place: a_client(url, access_key=place[0], region=place[1]) for place in PLACES}

    for (account, region), client in clients.items():
        assert names(client) == []
        arn = client.create_processing_job(**a_request("job"))["ProcessingJobArn"]
        assert arn == f"arn:aws:sagemaker:{region}:{account}:processing-job/job"
        client.create_processing_job(**a_request(f"of-{account}-{region}"))

    for place, client in clients.items():
        own = f"of-{place[0]}-{place[1]}"
        assert sorted(names(client)) == ["job", own]
        assert place[1] in client.describe_processing_job(ProcessingJobName="job")["ProcessingJobArn"]
        for foreign in (f"of-{account}-{region}" for account, region in PLACES if (account, region) != place):
            for call in (client.describe_processing_job, client.stop_processing_job):
                with pytest.raises(ClientError, match="Could not find requested job"):
                    call(ProcessingJobName=foreign)


def test_an_assumed_role_works_in_its_own_account(url: str) -> None:
    at_home = a_client(url, access_key=HOME)
    away = a_client(url, **assumed(a_client(url, service="sts", access_key=HOME)))

    at_home.create_processing_job(**a_request("job"))
    assert names(away) == []
    arn = away.create_processing_job(**a_request("job"))["ProcessingJobArn"]

    assert arn == f"arn:aws:sagemaker:us-east-1:{OTHER}:processing-job/job"
    assert names(a_client(url, access_key=OTHER)) == ["job"]


@pytest.mark.parametrize("access_key", ["test", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_keys_from_elsewhere_are_the_default_account_s(url: str, access_key: str) -> None:
    identity = a_client(url, service="sts", access_key=access_key, session_token="from elsewhere").get_caller_identity()

    assert (identity["Account"], identity["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")


def test_an_assumed_role_finds_itself_as_sdks_do(url: str) -> None:
    """Identity, then the role of that name: how the SageMaker SDK finds its execution role."""
    keys = assumed(a_client(url, service="sts"))

    arn = a_client(url, service="sts", **keys).get_caller_identity()["Arn"]
    role = a_client(url, service="iam", **keys).get_role(RoleName=arn.split("/")[1])["Role"]

    assert arn == f"arn:aws:sts::{OTHER}:assumed-role/Worker/me"
    assert role["Arn"] == f"arn:aws:iam::{OTHER}:role/Worker"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_credentials_last_as_long_as_asked(url: str) -> None:
    sts = a_client(url, service="sts")

    lives = [
        sts.assume_role(RoleArn=ROLE, RoleSessionName="me", **asked)["Credentials"]["Expiration"] - START
        for asked in ({"DurationSeconds": 900}, {}, {"DurationSeconds": 43200})
    ]

    for life, seconds in zip(lives, (900, 3600, 43200), strict=True):
        assert abs(life - timedelta(seconds=seconds)) < timedelta(seconds=10)


@pytest.mark.parametrize(
    "arn",
    [f"arn:aws:iam::{OTHER}:user/me-and-more", "x" * 20, f"arn:aws:iam::{OTHER}:role/", "arn:aws:iam::1:role/Worker"],
)
def test_an_arn_that_is_not_a_role_s_cannot_be_assumed(url: str, arn: str) -> None:
    with pytest.raises(ClientError) as refusal:
        a_client(url, service="sts").assume_role(RoleArn=arn, RoleSessionName="me")

    assert refusal.value.response["Error"]["Code"] == "ValidationError"
    assert refusal.value.response["Error"]["Message"] == f"{arn} is invalid"


def test_a_registry_s_log_in_is_one_per_registry(url: str) -> None:
    ecr = a_client(url, service="ecr", access_key=HOME, region="eu-west-1")

    [own] = ecr.get_authorization_token()["authorizationData"]
    two = ecr.get_authorization_token(registryIds=[HOME, OTHER])["authorizationData"]

    assert own["proxyEndpoint"] == f"https://{HOME}.dkr.ecr.eu-west-1.amazonaws.com"
    assert [entry["proxyEndpoint"][8:20] for entry in two] == [HOME, OTHER]
    with pytest.raises(ClientError) as refusal:
        ecr.get_authorization_token(registryIds=["x"])
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterException"


def test_enforced_signatures_accept_right_keys_and_refuse_wrong_ones(enforced_url: str) -> None:
    mine = a_client(enforced_url, access_key=HOME, secret_key="right")
    keys = assumed(a_client(enforced_url, service="sts", access_key=HOME, secret_key="right"))
    mine.create_processing_job(**a_request("job"))

    assert names(mine) == ["job"]
    assert names(a_client(enforced_url, **keys)) == []
    for wrong, code in (
        ({"access_key": HOME}, "InvalidSignatureException"),
        ({"access_key": OTHER}, "UnrecognizedClientException"),
        ({**keys, "session_token": "x"}, "UnrecognizedClientException"),
        ({**keys, "secret_key": "x"}, "InvalidSignatureException"),
    ):
        with pytest.raises(ClientError) as refusal:
            names(a_client(enforced_url, **wrong))
        assert refusal.value.response["Error"]["Code"] == code
