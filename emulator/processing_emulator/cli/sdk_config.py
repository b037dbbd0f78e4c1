"""The SageMaker Python SDK's configuration for use with the emulator: no telemetry, a default bucket and a role.

Without these two the SDK would call STS at an AWS address that is fixed in its code.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from processing_emulator.config import Settings
from processing_emulator.domain.default_account import account_of
from processing_emulator.errors import EmulatorError

FILE_NAME = "sagemaker-sdk.yaml"

_TEXT = """\
# Written by `processing-emulator env`, for the SageMaker Python SDK (v2 and v3). Your own configuration goes above it.
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {bucket}
  ProcessingJob:
    RoleArn: {role}
"""


def sdk_config(settings: Settings) -> str:
    """The file's text. The bucket has the name that the SDK would give it; the SDK creates it on first use."""
    account = account_of(next(iter(settings.client_keys())))
    return _TEXT.format(
        bucket=json.dumps(f"sagemaker-{settings.s3_region}-{account}"),  # YAML reads JSON's strings
        role=json.dumps(f"arn:aws:iam::{account}:role/processing-emulator"),
    )


def write_sdk_config(settings: Settings, path: Path | None = None) -> Path:
    """Write it to `path`, or into the data directory, unless the same file is there; returns the absolute path.

    Raises EmulatorError with a sentence when it cannot be written.
    """
    target = (path or settings.data_dir / FILE_NAME).absolute()
    text = sdk_config(settings)
    with suppress(OSError, UnicodeDecodeError):
        if target.read_text(encoding="utf-8") == text:
            return target
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(target, text)
    except OSError as error:
        raise EmulatorError(
            f"the SageMaker SDK's configuration cannot be written to {target}: {error.strerror}; "
            "choose another path with --sdk-config, or use --no-sdk-config"
        ) from error
    return target


def _replace(target: Path, text: str) -> None:
    """Replace atomically, so that no reader sees half a file."""
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
