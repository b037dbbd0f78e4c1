"""The rules of an image URI and of the command for it that the service model does not hold (spec 1.2).

Pure; the request has passed the model's constraints.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from processing_emulator.errors import ValidationFailed

_ECR_URI: Final = re.compile(
    r"[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)/.*"
)
"""A repository in a private registry; public.ecr.aws has no region."""

_COMMAND: Final = ("ContainerEntrypoint", "ContainerArguments")


def check_app(app: Mapping[str, Any], region: str | None) -> None:
    """Raise ValidationFailed for an AppSpecification that the service refuses.

    `region`: the one that an image in ECR must be in; None where it may be in any.
    """
    _check_image(app["ImageUri"], region)
    for member in _COMMAND:
        for index, text in enumerate(app.get(member) or ()):
            if not text:
                raise ValidationFailed(
                    f"Found null or empty string in {member} at index {index}. "
                    "ContainerArguments and ContainerEntrypoint may not contain null or empty strings."
                )


def _check_image(uri: str, region: str | None) -> None:
    if uri.split() != [uri]:  # empty, or white space in it
        raise ValidationFailed(
            f"Invalid image URI {uri}. Please provide a valid Amazon Elastic Container Registry path of the Docker "
            "image to run."
        )
    match = _ECR_URI.fullmatch(uri)
    if match is not None and region is not None and match["region"] != region:
        raise ValidationFailed(
            f"Invalid region {match['region']} in image URI {uri}. Please provide an image URI in region {region}."
        )
