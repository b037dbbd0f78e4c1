"""The variables that point AWS clients at the server, and stop them from calling anything else."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from processing_emulator.cli.env_formats import EnvFormat, render
from processing_emulator.cli.settings_flags import UsageFault
from processing_emulator.config import Settings
from processing_emulator.fast_waits import MODELS_FOLDER, PYTHON_FOLDER

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


FAST_WAITS = {"AWS_DATA_PATH": MODELS_FOLDER, "PYTHONPATH": PYTHON_FOLDER}
"""Search paths that make clients look at jobs more often, and the folder that is put before what is in them."""


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


def fast_wait_variables() -> dict[str, str]:
    """What shortens the waits of clients on this machine (see `fast_waits`), before the existing values."""
    return {name: os.pathsep.join([str(folder), *_others(name, folder)]) for name, folder in FAST_WAITS.items()}


def _others(name: str, folder: Path) -> list[str]:
    """The other folders of a search path."""
    return [each for each in os.environ.get(name, "").split(os.pathsep) if each not in ("", str(folder))]


def set_lines(settings: Settings, sdk_config: Path | None, shape: EnvFormat, *, fast_waits: bool = False) -> str:
    """Lines that set the variables. `sdk_config` is the path of the SageMaker SDK's configuration, if there is one.

    Raises UsageFault for a value that the format cannot express, and for fast waits elsewhere than on this machine.
    """
    variables = client_variables(settings)
    if sdk_config is not None:
        variables[SDK_CONFIG_VARIABLE] = str(sdk_config)
    if fast_waits:
        if not shape.stays_here:
            raise UsageFault(f"--fast-waits needs files of this machine; the format {shape} is for other machines")
        variables |= fast_wait_variables()
    return _rendered(variables, REMOVED if shape.is_shell else EMPTIED, shape)


def unset_lines(shape: EnvFormat) -> str:
    """Lines that remove the variables, apart from the proxy exceptions. Raises UsageFault for file formats."""
    if not shape.is_shell:
        raise UsageFault(f"--unset is for shells; the format {shape} only adds variables")
    names = [name for name in (*client_variables(Settings()), SDK_CONFIG_VARIABLE) if name not in KEPT]
    left = {name: os.pathsep.join(_others(name, folder)) for name, folder in FAST_WAITS.items() if _has(name, folder)}
    removed = [*names, *(name for name, value in left.items() if not value)]
    return _rendered({name: value for name, value in left.items() if value}, removed, shape)


def _has(name: str, folder: Path) -> bool:
    return str(folder) in os.environ.get(name, "").split(os.pathsep)


def _rendered(variables: Mapping[str, str], removed: Iterable[str], shape: EnvFormat) -> str:
    try:
        return render(variables, removed, shape)
    except ValueError as error:
        raise UsageFault(str(error)) from error
