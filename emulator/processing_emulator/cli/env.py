"""The variables that point AWS clients at the server and keep them from looking anywhere else."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from processing_emulator.cli.env_formats import EnvFormat, render
from processing_emulator.cli.settings_flags import UsageFault
from processing_emulator.config import Settings

CALLABLE_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104
"""What to call for what is bound. An address, where there is one: for a name the AWS SDK for JavaScript would put the
bucket before it (`bucket.localhost`) and look that up."""

SDK_CONFIG_VARIABLE = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE"
"""Read by both generations of the SageMaker Python SDK; the user's own configuration stays above it."""

EMPTIED = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Left from real AWS, these would be signed with, expire or hide the endpoint. SDKs take an empty one for none."""

REMOVED = (*EMPTIED, "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
"""A profile would choose other keys; boto3 takes an empty one for a profile without a name, and fails."""

KEPT = ("NO_PROXY", "no_proxy")
"""Not taken back by `--unset`: what stood there before is not known, and two more local names do no harm."""


def client_variables(settings: Settings) -> dict[str, str]:
    """What an AWS client needs to find the server, S3 included, and no other."""
    host = CALLABLE_ADDRESS.get(settings.host, settings.host)
    no_proxy = _no_proxy(host)
    access_key, secret_key = next(iter(settings.client_keys().items()))
    return {
        "AWS_ENDPOINT_URL": f"http://{f'[{host}]' if ':' in host else host}:{settings.port}",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key.get_secret_value(),
        "AWS_REGION": settings.s3_region,
        "AWS_DEFAULT_REGION": settings.s3_region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,  # where both are set, Python reads this one
    }


def _no_proxy(host: str) -> str:
    """A company's proxy has no business with this address; what was there stays."""
    names = ",".join(os.environ.get(name, "") for name in KEPT).split(",")
    return ",".join(dict.fromkeys([*(name for name in names if name), host, "localhost"]))


def set_lines(settings: Settings, sdk_config: Path | None, shape: EnvFormat) -> str:
    """Lines that set everything. `sdk_config` is the SageMaker SDK configuration's path, if there is one.

    Raises UsageFault for a value that the format cannot say.
    """
    variables = client_variables(settings)
    if sdk_config is not None:
        variables[SDK_CONFIG_VARIABLE] = str(sdk_config)
    return _rendered(variables, REMOVED if shape.is_shell else EMPTIED, shape)


def unset_lines(shape: EnvFormat) -> str:
    """Lines that take everything back but the proxy exceptions. Raises UsageFault for a format of files."""
    if not shape.is_shell:
        raise UsageFault(f"--unset is for shells; the format {shape} only adds variables")
    names = (*client_variables(Settings()), SDK_CONFIG_VARIABLE)
    return _rendered({}, [name for name in names if name not in KEPT], shape)


def _rendered(variables: Mapping[str, str], removed: Iterable[str], shape: EnvFormat) -> str:
    try:
        return render(variables, removed, shape)
    except ValueError as error:
        raise UsageFault(str(error)) from error
