"""What Create refuses of an image and of its command, in the service's words."""

from collections.abc import Mapping
from typing import Any

import pytest

from processing_emulator.errors import ValidationFailed
from processing_emulator.jobs.image_rules import check_app
from tests.builders import a_key, a_request
from tests.unit.jobs.job_requests import Api

WRANGLER = "415577184552.dkr.ecr.us-east-2.amazonaws.com/sagemaker-data-wrangler-container:1.1.1"


def refusal_of(app: Mapping[str, Any], region: str | None = None) -> str:
    """The text with which the service refuses an AppSpecification."""
    with pytest.raises(ValidationFailed) as refusal:
        check_app(app, region)
    return str(refusal.value)


def test_an_image_in_the_registry_of_another_region_is_refused() -> None:
    assert refusal_of({"ImageUri": WRANGLER}, "us-west-2") == (
        f"Invalid region us-east-2 in image URI {WRANGLER}. Please provide an image URI in region us-west-2."
    )


@pytest.mark.parametrize(
    "uri",
    [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/image@sha256:0f",
        "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/image",
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/image:1",
        "111122223333.dkr-ecr.eu-west-1.on.aws/image:1",
    ],
)
def test_every_form_of_a_private_registry_is_known(uri: str) -> None:
    assert refusal_of({"ImageUri": uri}, "us-east-1").startswith("Invalid region ")


@pytest.mark.parametrize(
    ("uri", "region"),
    [
        (WRANGLER, "us-east-2"),
        (WRANGLER, None),
        ("public.ecr.aws/docker/library/python:3.12", "us-east-2"),
        ("processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3", "us-east-2"),
        ("python:3.12", "us-east-2"),
        ("registry.test/111122223333.dkr.ecr.eu-west-1.amazonaws.com/image", "us-east-2"),
        ("dkr.ecr.eu-west-1.amazonaws.com/image", "us-east-2"),
    ],
)
def test_other_images_may_be_anywhere(uri: str, region: str | None) -> None:
    check_app({"ImageUri": uri}, region)


def test_the_region_is_that_of_the_request() -> None:
    api = Api()

    api.service.create(a_key(region="us-east-2"), a_request(image=WRANGLER))
    with pytest.raises(ValidationFailed, match="in region eu-west-1"):
        api.service.create(a_key(region="eu-west-1"), a_request(image=WRANGLER))


def test_an_image_that_the_map_replaces_may_be_in_any_region() -> None:
    api = Api(image_map={"*/sagemaker-data-wrangler-container:*": "wrangler:local"})

    api.service.create(a_key(), a_request(image=WRANGLER))
    api.service.create(
        a_key("built-in"),
        a_request(image="683313688378.dkr.ecr.eu-north-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"),
    )


def test_the_region_is_not_checked_where_the_setting_is_off() -> None:
    Api(check_image_region=False).service.create(a_key(), a_request(image=WRANGLER))


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("member", ["ContainerArguments", "ContainerEntrypoint"])
def test_an_empty_or_missing_string_in_the_command_is_refused(member: str, empty: str | None) -> None:
    app = {"ImageUri": "image", member: [*["x"] * 25, empty, empty]}

    assert refusal_of(app) == (
        f"Found null or empty string in {member} at index 25. "
        "ContainerArguments and ContainerEntrypoint may not contain null or empty strings."
    )


def test_blank_strings_in_the_command_are_legal() -> None:
    check_app({"ImageUri": "image", "ContainerEntrypoint": [" "], "ContainerArguments": ["\n", "--x="]}, None)
