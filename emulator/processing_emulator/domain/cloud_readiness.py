"""What the real service would say to a job that ran here: a verdict for people, which never refuses anything.

What the service is known to refuse and Create refuses here too (the constraints of the model, LocalPath, KMS keys for
types with NVMe storage) cannot be met in a stored job and has no rule. Each rule cites the section of the
specification of the service's behaviour that it rests on.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from processing_emulator.domain.aws_registries import framework_image, private_registry
from processing_emulator.domain.cloud_job import (
    EXAMPLE_ACCOUNTS,
    ROLE,
    CloudJob,
    Finding,
    Verdict,
    differs,
    needed,
    refused,
)
from processing_emulator.domain.instance_types import GIB, catalogue
from processing_emulator.domain.job import SIMULATED_NODE
from processing_emulator.domain.spec import choices_of
from processing_emulator.domain.stand_ins import stand_in_tagged

DEFAULT_VOLUME_GB: Final = 1024
"""The quota of an account that has asked for nothing (spec 7.1)."""

NEW_ACCOUNT_QUOTAS: Final = {"ml.t3.medium": 4, "ml.t3.large": 4, "ml.t3.xlarge": 2}
"""Instances that a new account may run for processing jobs; none of any other type (spec 7.1)."""

SPARK_LIMIT_SECONDS: Final = 432_000
"""The five days of the Spark page; the model allows nine (spec 7.1)."""

PLATFORM: Final = "linux/amd64"
"""Of every instance type of processing jobs (spec 7.2)."""

OUR_PREFIX: Final = "processing-emulator"

_BUCKET = re.compile(r"(?!xn--|.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_DEFAULT_BUCKET = re.compile(r"sagemaker-(?P<region>[a-z]{2,3}(?:-[a-z]+)+-[0-9])-(?P<account>[0-9]{12})")
_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):.+")
_THIS_MACHINE = re.compile(r"\b(?:host\.docker\.internal|172\.17\.0\.1)\b", re.ASCII)


def findings_of(job: CloudJob) -> list[Finding]:
    """All findings, what is refused first."""
    found = [finding for rule in RULES for finding in rule(job)]
    order = list(Verdict)
    return sorted(found, key=lambda finding: order.index(finding.verdict))


def _image(job: CloudJob) -> Iterator[Finding]:
    """Spec 1.2: the URI must be one of a private registry in ECR, in the job's region."""
    member = "AppSpecification.ImageUri"
    registry = private_registry(job.image)
    if registry is None:
        is_ours = stand_in_tagged(job.image) is not None or job.image.startswith(f"{OUR_PREFIX}/")
        why = "exists on this machine only" if is_ours else "is not in a private registry of ECR"
        yield refused(
            "image-not-in-ecr",
            member,
            f"The image {job.image} {why}. Push it to ECR in {job.key.region}, and name it by that URI.",
        )
        return
    if registry.region != job.key.region:
        yield refused(
            "image-in-another-region",
            member,
            f"The image is in ECR in {registry.region}; the service takes one in {job.key.region} only.",
        )
    if framework_image(job.image) is None and job.is_foreign(registry.account):
        yield needed(
            "image-in-another-account",
            member,
            f"The image is in the registry of account {registry.account}: its repository needs a policy that "
            f"lets the role in {job.account} pull.",
        )


def _role(job: CloudJob) -> Iterator[Finding]:
    """Spec 1.2: no role of another account, and SageMaker must be allowed to assume it."""
    match = ROLE.fullmatch(job.request.get("RoleArn", ""))
    if match is None:
        return
    role = f"The role {match['name']}"
    if match["account"] in EXAMPLE_ACCOUNTS:
        yield refused(
            "role-is-a-placeholder",
            "RoleArn",
            f"{role} belongs to {match['account']}, which is nobody's account. Name a role of yours.",
        )
    elif match["account"] != job.account:
        yield refused(
            "role-of-another-account",
            "RoleArn",
            f"{role} belongs to account {match['account']}, the job to {job.account}: "
            "cross-account pass role is not allowed.",
        )
    else:
        yield needed(
            "role",
            "RoleArn",
            f"{role} must exist, let sagemaker.amazonaws.com assume it, and allow what the job does; "
            "no role is assumed here.",
        )


def _kms_keys(job: CloudJob) -> Iterator[Finding]:
    """Spec 1.3, 4: keys encrypt the volume and the outputs there; here they have no effect."""
    for member, key in _key_ids(job):
        match = _KEY_ARN.fullmatch(key)
        if match is not None and match["region"] != job.key.region:
            yield refused("kms-key-in-another-region", member, f"The KMS key {key} is not in {job.key.region}.")
        else:
            sentence = f"The KMS key {key} must exist in {job.key.region}, and the role must be allowed to use it."
            yield needed("kms-key", member, sentence)


def _key_ids(job: CloudJob) -> Iterator[tuple[str, str]]:
    places: list[tuple[str, Mapping[str, Any], str]] = [
        ("ProcessingResources.ClusterConfig.", job.cluster, "VolumeKmsKeyId"),
        ("ProcessingOutputConfig.", job.request.get("ProcessingOutputConfig") or {}, "KmsKeyId"),
    ]
    for index, item in enumerate(job.request.get("ProcessingInputs") or ()):
        for kind, query in (item.get("DatasetDefinition") or {}).items():
            if isinstance(query, Mapping):
                places.append((f"ProcessingInputs[{index}].DatasetDefinition.{kind}.", query, "KmsKeyId"))
    return ((f"{path}{name}", where[name]) for path, where, name in places if where.get(name))


def _instance_quota(job: CloudJob) -> Iterator[Finding]:
    """Spec 1.2, 7.1: the quota of the type is checked in Create; in a new account it is 0 for most types."""
    for choice in choices_of(job.cluster):
        usual = NEW_ACCOUNT_QUOTAS.get(choice.instance_type, 0)
        if choice.count > usual:
            yield needed(
                "instance-quota",
                "ProcessingResources.ClusterConfig",
                f"The quota '{choice.instance_type} for processing job usage' must be at least "
                f"{choice.count}; a new account has {usual}.",
            )


def _volume_quota(job: CloudJob) -> Iterator[Finding]:
    """Spec 1.2, 7.1. Types with local storage have no separate volume."""
    size_gb = job.cluster["VolumeSizeInGB"]
    types = [catalogue().get(choice.instance_type) for choice in choices_of(job.cluster)]
    if size_gb > DEFAULT_VOLUME_GB and any(each is None or not each.nvme_gb for each in types):
        yield needed(
            "volume-quota",
            "ProcessingResources.ClusterConfig.VolumeSizeInGB",
            f"A volume of {size_gb} GB needs a higher quota 'Size of EBS volume for a processing job "
            f"instance'; it is {DEFAULT_VOLUME_GB} GB unless raised.",
        )


def _run_time(job: CloudJob) -> Iterator[Finding]:
    """Spec 7.1."""
    seconds = (job.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 0)
    if seconds > SPARK_LIMIT_SECONDS:
        yield needed(
            "run-time-quota",
            "StoppingCondition.MaxRuntimeInSeconds",
            f"{seconds} s is more than five days, for which AWS's page on Spark says the limit is; "
            "look at the quota 'Longest run time for a processing job'.",
        )


def _s3_uris(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """All S3 URIs of a request, with their member."""
    for index, item in enumerate(request.get("ProcessingInputs") or ()):
        member = f"ProcessingInputs[{index}]"
        if "S3Input" in item:
            yield f"{member}.S3Input.S3Uri", item["S3Input"]["S3Uri"]
        for kind, query in (item.get("DatasetDefinition") or {}).items():
            if isinstance(query, Mapping) and "OutputS3Uri" in query:
                yield f"{member}.DatasetDefinition.{kind}.OutputS3Uri", query["OutputS3Uri"]
    for index, item in enumerate((request.get("ProcessingOutputConfig") or {}).get("Outputs") or ()):
        if "S3Output" in item:
            yield f"ProcessingOutputConfig.Outputs[{index}].S3Output.S3Uri", item["S3Output"]["S3Uri"]


def _buckets(job: CloudJob) -> Iterator[Finding]:
    """Spec 3.1: buckets are in the job's region. Names: S3's own rules."""
    seen: set[str] = set()
    for member, uri in _s3_uris(job.request):
        if not uri.startswith("s3://"):
            yield differs(
                "https-uri", member, "Nothing is published on https:// URIs in processing jobs; use the s3:// URI."
            )
            continue
        bucket = uri.removeprefix("s3://").partition("/")[0]
        if bucket not in seen:
            seen.add(bucket)
            yield from _bucket(job, member, bucket)


def _bucket(job: CloudJob, member: str, bucket: str) -> Iterator[Finding]:
    default = _DEFAULT_BUCKET.fullmatch(bucket)
    if _BUCKET.fullmatch(bucket) is None:
        yield refused(
            "bucket-name", member, f"S3 has no bucket of the name {bucket}: 3 to 63 characters of a-z, 0-9, - and ."
        )
    elif default is not None and default["region"] != job.key.region:
        yield refused(
            "bucket-in-another-region",
            member,
            f"The bucket {bucket} is SageMaker's default one of {default['region']}; buckets must be in the "
            f"job's region, {job.key.region}.",
        )
    elif default is not None and job.is_foreign(default["account"]):
        yield needed(
            "bucket-of-another-account",
            member,
            f"The bucket {bucket} is the default one of account {default['account']}; the role in "
            f"{job.account} needs access to it.",
        )


def _network(job: CloudJob) -> Iterator[Finding]:
    """Spec 2.5: subnets with free addresses, security groups, and a way to S3."""
    if (job.request.get("NetworkConfig") or {}).get("VpcConfig"):
        yield needed(
            "vpc",
            "NetworkConfig.VpcConfig",
            "The subnets and security groups must exist, let the instances talk to each other and to S3, and "
            "have two free addresses for each instance; nothing looks at them here.",
        )


def _tags(job: CloudJob) -> Iterator[Finding]:
    """Spec 1.2: tags in Create need a permission of their own."""
    ours = sorted(key for key in job.tags if key.startswith(OUR_PREFIX))
    if job.tags:
        yield needed("tags", "Tags", "Whoever creates the job needs sagemaker:AddTags, because it has tags.")
    if ours:
        yield differs("emulator-tags", "Tags", f"Tags of the emulator mean nothing there: {', '.join(ours)}.")


def _environment(job: CloudJob) -> Iterator[Finding]:
    """Spec 2.2. The values themselves are not repeated: they may be secrets."""
    environment = job.request.get("Environment") or {}
    ours = sorted(name for name in environment if name.startswith("PROCESSING_EMULATOR_"))
    if ours:
        yield differs(
            "emulator-variables", "Environment", f"Variables of the emulator mean nothing there: {', '.join(ours)}."
        )
    local = [f"Environment.{name}" for name, value in environment.items() if _THIS_MACHINE.search(value)]
    for member in ("ContainerEntrypoint", "ContainerArguments"):
        texts = job.request["AppSpecification"].get(member) or ()
        local += [f"AppSpecification.{member}[{at}]" for at, text in enumerate(texts) if _THIS_MACHINE.search(text)]
    for member in local:
        yield differs(
            "address-of-this-machine", member, f"{member} has an address of this machine, which leads nowhere there."
        )


def _input_modes(job: CloudJob) -> Iterator[Finding]:
    """Spec 3.4, 3.5: what is a guess or a stand-in here."""
    for index, item in enumerate(job.request.get("ProcessingInputs") or ()):
        if item.get("AppManaged"):
            continue
        if (item.get("S3Input") or {}).get("S3InputMode") == "Pipe":
            yield differs(
                "pipe-names",
                f"ProcessingInputs[{index}].S3Input.S3InputMode",
                "The names of pipes in processing jobs are not published; those here follow training jobs.",
            )
        if item.get("DatasetDefinition"):
            yield differs(
                "query-engine",
                f"ProcessingInputs[{index}].DatasetDefinition",
                "The query ran in DuckDB here; there Athena or Redshift runs it, with its own tables and permissions.",
            )


def _run_here(job: CloudJob) -> Iterator[Finding]:
    """Spec 2.6, 7.2: how the run here was unlike one on the instance type."""
    for detail in job.happened("image_substituted"):
        yield differs(
            "stand-in-image",
            "AppSpecification.ImageUri",
            f"It ran in {detail.get('image')} here, not in the image that it names.",
        )
        break
    for detail in job.happened("runs_without_gpus"):
        yield differs(
            "without-gpus",
            "ProcessingResources.ClusterConfig.InstanceType",
            f"It ran without the {detail.get('gpus_per_instance')} GPUs of {detail.get('instance_type')}.",
        )
    for platform in {str(detail.get("platform") or PLATFORM) for detail in job.happened("image_ready")}:
        if not platform.startswith(PLATFORM):
            yield refused(
                "image-platform",
                "AppSpecification.ImageUri",
                f"The image ran as {platform}; all instance types are {PLATFORM}. Build it for that platform, too.",
            )
    if any(limits.node == SIMULATED_NODE for limits in job.limits):
        yield differs("simulated", "AppSpecification", "No image ran here: its containers were simulated.")
    if any(limits.capped for limits in job.limits):
        least = min(job.limits, key=lambda limits: limits.memory_bytes)
        yield differs(
            "smaller-instances",
            "ProcessingResources.ClusterConfig.InstanceType",
            f"Its instances had less than their type here: {least.vcpus:g} vCPUs and "
            f"{least.memory_bytes / GIB:.3g} GiB of memory.",
        )
    cached = sum(detail.get("cached_objects") or 0 for detail in job.happened("staged_in"))
    if cached:
        yield differs(
            "cached-inputs",
            "ProcessingInputs",
            f"{cached} input object{'s' if cached > 1 else ''} came from the cache; the service downloads "
            "all of them for every job.",
        )


Rule = Callable[[CloudJob], Iterator[Finding]]

RULES: Sequence[Rule] = (
    _image,
    _role,
    _kms_keys,
    _instance_quota,
    _volume_quota,
    _run_time,
    _buckets,
    _network,
    _tags,
    _environment,
    _input_modes,
    _run_here,
)
