"""The variables that point AWS clients at the server, and stop them from calling anything else."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from processing_emulator.cli.env_formats import EnvFormat, render
from processing_emulator.cli.settings_flags import UsageFault
from processing_emulator.config import Settings

CALLABLE_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104
"""The address that clients call when the server listens on this one. Not a name: the AWS SDK for JavaScript would put
the bucket before it (`bucket.localhost`)."""

SDK_CONFIG_VARIABLE = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE"
"""Read by v2 and v3 of the SageMaker Python SDK; the user's own configuration has precedence."""

EMPTIED = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Values left from real AWS would be signed with, expire, or hide the endpoint. SDKs ignore empty ones."""

REMOVED = (*EMPTIED, "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
"""A profile would select other keys; boto3 fails on an empty one."""

KEPT = ("NO_PROXY", "no_proxy")
"""Not removed by `--unset`: the earlier value is not known, and two more local names do no harm."""


def client_variables(settings: Settings) -> dict[str, str]:
    """What an AWS client needs to call this server for all services, S3 included."""
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
        "no_proxy": no_proxy,  # Python prefers this one
    }


def _no_proxy(host: str) -> str:
    """Existing exceptions from the proxy, and this address."""
    names = ",".join(os.environ.get(name, "") for name in KEPT).split(",")
    return ",".join(dict.fromkeys([*(name for name in names if name), host, "localhost"]))


def set_lines(settings: Settings, sdk_config: Path | None, shape: EnvFormat) -> str:
    """Lines that set the variables. `sdk_config` is the path of the SageMaker SDK's configuration, if there is one.

    Raises UsageFault for a value that the format cannot express.
    """
    variables = client_variables(settings)
    if sdk_config is not None:
        variables[SDK_CONFIG_VARIABLE] = str(sdk_config)
    return _rendered(variables, REMOVED if shape.is_shell else EMPTIED, shape)


def unset_lines(shape: EnvFormat) -> str:
    """Lines that remove the variables, apart from the proxy exceptions. Raises UsageFault for file formats."""
    if not shape.is_shell:
        raise UsageFault(f"--unset is for shells; the format {shape} only adds variables")
    names = (*client_variables(Settings()), SDK_CONFIG_VARIABLE)
    return _rendered({}, [name for name in names if name not in KEPT], shape)


def _rendered(variables: Mapping[str, str], removed: Iterable[str], shape: EnvFormat) -> str:
    try:
        return render(variables, removed, shape)
    except ValueError as error:
        raise UsageFault(str(error)) from error
