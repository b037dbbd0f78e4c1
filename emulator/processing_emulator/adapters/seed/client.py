"""boto3 at the S3 store, for what is done once and with all of S3's options; its errors become ours."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from processing_emulator.errors import ObjectStoreRefused, ObjectStoreUnreachable, StagingFailure

MOST_CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """A store and the keys for it."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str


@contextmanager
def connected(access: S3Access) -> Iterator[Any]:
    """An S3 client, loaded when it is needed: boto3 takes a while. Raises as `translated` says, for its whole block."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=access.region,
    )
    config = Config(
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=MOST_CONNECTIONS,
        # Not every store knows the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies={},
    )
    with (
        translated(access.endpoint),
        closing(session.client("s3", endpoint_url=access.endpoint, config=config)) as made,
    ):
        yield made


@contextmanager
def translated(endpoint: str, subject: str = "") -> Iterator[None]:
    """Raises ObjectStoreRefused, ObjectStoreUnreachable, or StagingFailure when a file cannot be read.

    `subject` is the URL of what the block is about, if it is about one thing.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code, status = error_of(error)
        text = error.response.get("Error", {}).get("Message", "")
        what = f"{error.operation_name} of {subject}" if subject else error.operation_name
        message = f"the S3 store at {endpoint} refused {what}: {code}: {text}"
        raise ObjectStoreRefused(message, code=code, status=status) from error
    except (BotoCoreError, Boto3Error) as error:
        raise ObjectStoreUnreachable(f"the S3 store at {endpoint} does not answer: {error}") from error
    except OSError as error:
        raise StagingFailure(f"{error.filename or 'a file'} cannot be read: {error.strerror}") from error


def error_of(error: Any) -> tuple[str, int]:
    """S3's code and HTTP's status of a ClientError."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return str(error.response.get("Error", {}).get("Code", status)), status
