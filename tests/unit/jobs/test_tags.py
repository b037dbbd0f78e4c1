"""Tags by ARN, on the store in memory (spec 1.10)."""

import pytest

from processing_emulator.errors import TaggedResourceNotFound, Unsupported, ValidationFailed
from processing_emulator.jobs.tags import MOST_TAGS
from tests.builders import a_key, a_request
from tests.unit.jobs.job_requests import Api

ACCOUNT, REGION = "000000000000", "us-east-1"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/"


@pytest.fixture
def api() -> Api:
    """With one job, `My-Job`, tagged `a=1`."""
    api = Api()
    api.service.create(a_key("My-Job"), a_request("My-Job", Tags=[{"Key": "a", "Value": "1"}]))
    return api


@pytest.mark.parametrize("name", ["my-job", "My-Job", "MY-JOB"])
def test_tags_are_found_by_arn_in_any_case(api: Api, name: str) -> None:
    assert api.tags.list(ACCOUNT, REGION, ARN + name) == {"a": "1"}


def test_tags_are_overwritten_by_key_and_removed(api: Api) -> None:
    added = [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]

    assert api.tags.put(ACCOUNT, REGION, ARN + "my-job", added) == {"a": "2", "b": ""}
    api.tags.remove(ACCOUNT, REGION, ARN + "my-job", ["a", "never"])
    assert api.tags.list(ACCOUNT, REGION, ARN + "my-job") == {"b": ""}


@pytest.mark.parametrize(
    ("account", "region", "arn"),
    [
        (ACCOUNT, REGION, ARN + "other"),
        (ACCOUNT, REGION, ARN),
        (ACCOUNT, REGION, ARN.rstrip("/")),
        (ACCOUNT, REGION, "no arn at all"),
        ("111122223333", REGION, ARN + "my-job"),
        (ACCOUNT, "eu-west-1", ARN + "my-job"),
        (ACCOUNT, REGION, ARN + "my-job/more"),
        (ACCOUNT, REGION, ARN + "my-job\n"),
    ],
)
def test_what_is_no_job_of_the_caller_is_not_found(api: Api, account: str, region: str, arn: str) -> None:
    with pytest.raises(TaggedResourceNotFound, match="Could not find requested resource with ARN"):
        api.tags.list(account, region, arn)
    with pytest.raises(TaggedResourceNotFound):
        api.tags.put(account, region, arn, [{"Key": "k", "Value": "v"}])
    with pytest.raises(TaggedResourceNotFound):
        api.tags.remove(account, region, arn, ["a"])


def test_other_resources_are_refused_by_name(api: Api) -> None:
    with pytest.raises(Unsupported, match="training-job"):
        api.tags.list(ACCOUNT, REGION, "arn:aws:sagemaker:us-east-1:000000000000:training-job/x")


def test_fifty_tags_are_the_most(api: Api) -> None:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(MOST_TAGS)]

    with pytest.raises(ValidationFailed, match="more than 50 tags; it would have 51"):
        api.tags.put(ACCOUNT, REGION, ARN + "my-job", tags)
    assert len(api.tags.put(ACCOUNT, REGION, ARN + "my-job", tags[1:])) == MOST_TAGS


def test_tag_of_the_cache_is_on_or_off(api: Api) -> None:
    with pytest.raises(ValidationFailed, match="Tag processing-emulator:cache must be on or off"):
        api.tags.put(ACCOUNT, REGION, ARN + "my-job", [{"Key": "processing-emulator:cache", "Value": "no"}])

    api.tags.put(ACCOUNT, REGION, ARN + "my-job", [{"Key": "processing-emulator:cache", "Value": "off"}])


def test_reserved_keys_are_refused(api: Api) -> None:
    with pytest.raises(ValidationFailed, match="begin with aws: are reserved"):
        api.tags.put(ACCOUNT, REGION, ARN + "my-job", [{"Key": "aws:x", "Value": ""}])
