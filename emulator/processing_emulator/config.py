"""All settings. Environment variables have the prefix PROCESSING_EMULATOR_; `serve` has options of the same names.

A test compares docs/reference/settings.md with this module.
"""

import json
import os
import re
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from processing_emulator.jobs.quotas import unknown_quota
from processing_emulator.ports import PullPolicy

ENV_PREFIX = "PROCESSING_EMULATOR_"

HIDDEN = "********"

_USER_INFO = re.compile(r"//[^/@\s]+@")
"""Name and password in a URL."""

_PASSWORD_PARAMETER = re.compile(r"([?&]password=)[^&]*")
"""A password among the parameters of a database's URL."""

TEST_PREFIX = ENV_PREFIX + "TEST_"
"""Variables of the project's own tests; the product ignores them."""


class ContainerCredentials(StrEnum):
    """The keys that code in a container gets."""

    EMULATOR = "emulator"
    S3 = "s3"
    NONE = "none"


class GpuPolicy(StrEnum):
    """What becomes of a job that asks for more GPUs than the machine has."""

    REQUIRE = "require"
    CPU_FALLBACK = "cpu-fallback"


class Runner(StrEnum):
    """What runs the containers of jobs."""

    DOCKER = "docker"
    SIMULATE = "simulate"


class LimitPolicy(StrEnum):
    """What becomes of an instance that is larger than this machine."""

    CAP = "cap"
    REFUSE = "refuse"


class LogLevel(StrEnum):
    """The names of Python's logging."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "processing-emulator"


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _check_endpoint(value: str | None) -> str | None:
    """The error does not repeat the value, which may contain a password."""
    if value is not None and not _is_endpoint(value):
        raise ValueError("must be http(s)://HOST[:PORT]; the keys have their own settings")
    return value


def _check_database_url(value: str | None) -> str | None:
    """The value is not repeated: it may hold a password."""
    if value is not None and urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValueError("must be postgresql://USER:PASSWORD@HOST:PORT/NAME; SQLite is used without this setting")
    return value


def _check_database_size(value: int | None, info: ValidationInfo) -> int | None:
    if value is not None and info.data.get("database_url"):
        raise ValueError("is for SQLite only; with DATABASE_URL use JOBS_KEPT_DAYS and METRICS_KEPT_DAYS")
    return value


def _is_endpoint(value: str) -> bool:
    try:
        parts = urlsplit(value)
        can_connect = parts.port != 0
    except ValueError:  # an invalid port, or an unclosed bracket
        return False
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and can_connect and is_bare


def _check_event_receiver(value: SecretStr | None) -> SecretStr | None:
    """The value is not repeated: it may hold a token."""
    if value is not None and not _is_receiver(value.get_secret_value(), ("http", "https")):
        raise ValueError("must be http(s)://HOST[:PORT]/PATH, without user and password")
    return value


def _check_event_targets(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    schemes = [kind + scheme for kind in ("", "sqs+", "events+") for scheme in ("http", "https")]
    for arn, url in value.items():
        if not _is_receiver(url.get_secret_value(), schemes):
            raise ValueError(
                f"the receiver of {arn!r} must be http(s)://…, sqs+http(s)://HOST[:PORT]/ACCOUNT/QUEUE or"
                " events+http(s)://HOST[:PORT], without user and password"
            )
    return value


def _is_receiver(url: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(url)
        can_connect = parts.port != 0
    except ValueError:  # an invalid port, or an unclosed bracket
        return False
    return parts.scheme in schemes and bool(parts.hostname) and can_connect and "@" not in parts.netloc


def _check_signal(value: str) -> str:
    if value not in signal.Signals.__members__:
        raise ValueError("is not the name of a signal, such as SIGTERM or SIGINT")
    return value


def _check_platform(value: str | None) -> str | None:
    if value is not None and re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?", value) is None:
        raise ValueError("must be OS/ARCHITECTURE[/VARIANT], as Docker writes it: linux/amd64, linux/arm64/v8")
    return value


def _check_quotas(value: dict[str, int]) -> dict[str, int]:
    for name, limit in value.items():
        if unknown_quota(name):
            raise ValueError(f"{name!r} is not a quota of processing jobs; docs/reference/settings.md lists them")
        if limit < 0:
            raise ValueError(f"{name!r} cannot be {limit}")
    return value


def _parse_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error


class Settings(BaseSettings):
    """The settings of one server. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(9320, ge=0, le=65535, description="Port to listen on; 0 chooses a free one.")
    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Folder of the database, job data and the embedded S3 store."
    )
    database_url: Annotated[str | None, AfterValidator(_check_database_url)] = Field(
        None,
        repr=False,  # it may hold a password
        description="URL of a PostgreSQL database (postgresql://USER:PASSWORD@HOST:PORT/NAME) to use instead of SQLite "
        "in the data directory.",
    )
    s3_endpoint: Annotated[str | None, AfterValidator(_check_endpoint)] = Field(
        None, description="URL of an S3 store to use; without it an embedded SeaweedFS is started."
    )
    s3_access_key: str = Field("emulator", description="Access key for staging.")
    s3_secret_key: SecretStr = Field(SecretStr("emulator-secret"), description="Secret key for staging.")
    s3_region: str = Field("us-east-1", description="Region that staging requests are signed for.")
    s3_patience_seconds: float = Field(
        90.0, ge=0, description="How long staging waits for an S3 store that is busy or away, before a job fails."
    )
    enforce_signatures: bool = Field(False, description="Refuse requests that are not signed with a known key.")
    access_keys: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_parse_json)] = Field(
        default_factory=dict,
        description="JSON object: access keys that clients may sign with, and the secret key of each; "
        "default: the keys for staging.",
    )
    runner: Runner = Field(
        Runner.DOCKER,
        description="What runs jobs: `docker`, or `simulate`, where containers only do what their environment says.",
    )
    docker_host: str | None = Field(
        None, description="Docker endpoint, as in DOCKER_HOST; without it Docker's own rules apply."
    )
    pull_policy: PullPolicy = Field(
        PullPolicy.MISSING, description="When images are pulled: `missing`, `always` or `never`."
    )
    image_map: Annotated[dict[str, str], NoDecode, BeforeValidator(_parse_json)] = Field(
        default_factory=dict,
        description="JSON object: shell-style patterns of ImageUri, and the image to run instead.",
    )
    image_platform: Annotated[str | None, AfterValidator(_check_platform)] = Field(
        None,
        description="Platform of images that are pulled, such as `linux/amd64`; default: the engine's. Images of ours "
        "run on the one they were built for.",
    )
    check_image_region: bool = Field(
        True,
        description="Refuse an image in ECR whose region is not the request's, as the service does; "
        "images in `IMAGE_MAP` may be in any.",
    )
    container_endpoints: bool = Field(
        True, description="Give containers AWS_ENDPOINT_URL, so that boto3 inside reaches the emulator."
    )
    container_credentials: ContainerCredentials = Field(
        ContainerCredentials.EMULATOR,
        description="Keys given to containers: `emulator` (placeholders), `s3` (the staging keys) or `none`.",
    )
    container_admin: bool = Field(
        False, description="Let code in containers use the emulator's own endpoints below `/_emulator/`."
    )
    container_network: str | None = Field(
        None,
        description="Docker network of containers, for jobs with several hosts next to their own; default: one where "
        "they cannot reach each other, or the emulator's own when in a container.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="Host names that clients may use besides loopback, comma-separated."
    )
    stop_signal: Annotated[str, AfterValidator(_check_signal)] = Field(
        "SIGTERM", description="Signal that stops a container."
    )
    stop_grace_seconds: float = Field(
        120.0,
        ge=0,
        description="Time between the stop signal and SIGKILL; at most 5 s when the container's first process does not "
        "handle the signal.",
    )
    upload_when_stopped: bool = Field(False, description="Upload outputs of stopped and timed-out jobs too.")
    shm_share: float = Field(0.5, gt=0, le=1, description="Size of /dev/shm as a share of the instance's memory.")
    capacity_cpus: float | None = Field(None, gt=0, description="vCPUs available to jobs; default: those of Docker.")
    capacity_memory_mib: int | None = Field(
        None, ge=16, description="Memory available to jobs, in MiB; default: that of Docker."
    )
    cache_gib: float = Field(
        10.0, ge=0, description="Size of the cache of inputs in the data directory, in GiB; 0 turns it off."
    )
    instance_limits: LimitPolicy = Field(
        LimitPolicy.CAP,
        description="What becomes of an instance whose type is larger than this machine: `cap` gives it what there is, "
        "recorded with the job; `refuse` fails the job with CapacityError.",
    )
    instance_scale: float = Field(
        1.0, gt=0, le=1, description="Share of its type's vCPUs and memory that an instance gets, for large types."
    )
    gpu: GpuPolicy = Field(
        GpuPolicy.REQUIRE,
        description="A job that asks for more GPUs than there are: `require` fails it with CapacityError, "
        "`cpu-fallback` runs it without GPUs, and its history says so.",
    )
    quotas: Annotated[dict[str, int], NoDecode, BeforeValidator(_parse_json), AfterValidator(_check_quotas)] = Field(
        default_factory=dict,
        description="JSON object: quotas of each account and region by their names in Service Quotas; none by default.",
    )
    instance_prices: Path | None = Field(
        None, description="CSV file with your own prices of instance types; default: the package's few."
    )
    sample_interval_seconds: float = Field(1.0, ge=0.1, description="Time between two samples of resource use.")
    samples_kept_hours: float = Field(3.0, gt=0, description="How long metrics are kept by the second.")
    metrics_kept_days: float = Field(
        455.0, gt=0, description="How long metrics are kept by the minute; the service keeps them for 15 months."
    )
    jobs_kept_days: float | None = Field(
        None,
        gt=0,
        description="How long jobs are kept after their end, with history, events and log; default: for good.",
    )
    database_mib: Annotated[int | None, AfterValidator(_check_database_size)] = Field(
        None,
        ge=16,
        description="Size of the database, in MiB, from which on what is oldest is removed: jobs that have ended, with "
        "history, events and log, and metrics; default: no limit. Not with `DATABASE_URL`.",
    )
    continuous_upload_interval_seconds: float = Field(
        2.0, ge=0.1, description="Time between two looks for new and changed files of Continuous outputs."
    )
    engine_patience_seconds: float = Field(
        60.0, ge=0, description="How long jobs wait for a Docker engine that does not answer, before they fail."
    )
    keep_failed_minutes: float | None = Field(
        None,
        gt=0,
        description="How long the containers and files of failed jobs are kept for `processing-emulator debug JOB`; "
        "default: not at all, but for jobs with the tag `processing-emulator:keep-failed`.",
    )
    keep_failed_jobs: int = Field(
        5,
        ge=0,
        description="Most failed jobs that are kept side by side; the one with the least time left goes first, "
        "unless somebody looks into it.",
    )
    reaper_interval_seconds: float = Field(
        60.0, ge=1, description="Time between two searches for leftover containers and folders."
    )
    event_webhook: Annotated[SecretStr | None, AfterValidator(_check_event_receiver)] = Field(
        None, description="URL that every state change of a job is posted to, as JSON."
    )
    event_targets: Annotated[
        dict[str, SecretStr], NoDecode, BeforeValidator(_parse_json), AfterValidator(_check_event_targets)
    ] = Field(
        default_factory=dict,
        description="JSON object: ARNs of targets of EventBridge rules, and the URL that stands for each "
        "(`http://…`, `sqs+http://HOST/ACCOUNT/QUEUE`, `events+http://HOST`).",
    )
    event_patience_seconds: float = Field(
        86400.0, ge=0, description="How old an event may get while its receiver fails, before it is a dead letter."
    )
    seed: Path | None = Field(
        None, description="Folder or file (.json, .toml, .yaml) with buckets and objects to create at the start."
    )
    init_dir: Path | None = Field(
        None, description="Folder with `boot.d`, `ready.d` and `shutdown.d`: scripts to run at these times."
    )
    init_timeout_seconds: float = Field(60.0, gt=0, description="Time limit of each of these scripts.")
    log_level: LogLevel = Field(
        LogLevel.INFO, description="Least severe lines of the server's log: `DEBUG`, `INFO`, `WARNING` or `ERROR`."
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT, description="Form of that log: `text`, or `json` with one object per line."
    )

    def client_keys(self) -> dict[str, SecretStr]:
        """The keys that clients may use; `env` prints the first."""
        return self.access_keys or {self.s3_access_key: self.s3_secret_key}


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """A JSON value without secrets, and its source: `flag`, `environment` or `default`."""

    value: Any
    source: str


def effective_settings(settings: Settings, flags: Collection[str] = ()) -> dict[str, EffectiveSetting]:
    """All settings by name. `flags` are those given on the command line."""
    values = settings.model_dump(mode="json")

    def source_of(name: str) -> str:
        if name in flags:
            return "flag"
        return "environment" if os.environ.get(ENV_PREFIX + name.upper()) else "default"

    return {
        name: EffectiveSetting(value=_without_secrets(getattr(settings, name), values[name]), source=source_of(name))
        for name in Settings.model_fields
    }


def _without_secrets(value: Any, plain: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    if not isinstance(plain, str):
        return plain
    return _PASSWORD_PARAMETER.sub(rf"\1{HIDDEN}", _USER_INFO.sub(f"//{HIDDEN}@", plain))


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables with the prefix that are not settings, most likely misspelt."""
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    ours = (name for name in environ if name.startswith(ENV_PREFIX) and not name.startswith(TEST_PREFIX))
    return tuple(sorted(name for name in ours if name not in known and name != ENV_PREFIX + "REQUIRE_ALL"))
