"""Quotas of an account in a region, by the names of Service Quotas (spec 1.2, 7.1). Off unless configured."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import JobKey
from processing_emulator.domain.spec import InstanceChoice, choices_of
from processing_emulator.errors import QuotaExceeded
from processing_emulator.ports import JobReader

USAGE_SUFFIX = " for processing job usage"
TOTAL = "Number of instances across processing jobs"
PER_JOB = "Number of instances for a processing job"
VOLUME = "Size of EBS volume for a processing job instance"
RUN_TIME = "Longest run time for a processing job"

_HOW_TO_RAISE = (
    "Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, "
    "contact AWS support to request an increase for this quota."
)


def unknown_quota(name: str) -> bool:
    """Whether a configured name is no quota of processing jobs; the type in it may be a shell-style pattern."""
    if name in (TOTAL, PER_JOB, VOLUME, RUN_TIME):
        return False
    if not name.endswith(USAGE_SUFFIX):
        return True
    pattern = name.removesuffix(USAGE_SUFFIX)
    return not any(fnmatchcase(instance_type, pattern) for instance_type in catalogue())


class Quotas:
    """Checks a request against the quotas; `limits` are values by name."""

    def __init__(self, limits: Mapping[str, int], store: JobReader) -> None:
        self._limits = limits
        self._store = store

    @property
    def enforced(self) -> bool:
        """Whether there are any."""
        return bool(self._limits)

    def check(self, key: JobKey, request: Mapping[str, Any]) -> None:
        """Raise QuotaExceeded when the job would go beyond one with any of the types that it lists."""
        if not self.enforced:
            return
        cluster = request["ProcessingResources"]["ClusterConfig"]
        self._check_size(VOLUME, _volume_gb(cluster), "GBs")
        max_runtime = (request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 0)
        self._check_size(RUN_TIME, max_runtime, "Seconds")
        in_use = self._store.count_instances_in_use(key.account, key.region)
        for choice in choices_of(cluster):
            refusal = self._refusal(choice, in_use)
            if refusal is not None:
                raise QuotaExceeded(refusal)

    def _check_size(self, name: str, asked: int, unit: str) -> None:
        limit = self._limits.get(name)
        if limit is not None and asked > limit:
            raise QuotaExceeded(_beyond_size(name, limit, asked, unit))

    def _refusal(self, choice: InstanceChoice, in_use: Mapping[str, int]) -> str | None:
        per_job = self._limits.get(PER_JOB)
        if per_job is not None and choice.count > per_job:
            return _beyond_size(PER_JOB, per_job, choice.count, "Instances")
        same_type = in_use.get(choice.instance_type, 0)
        usage = self._usage_limit(choice.instance_type)
        if usage is not None and same_type + choice.count > usage:
            return _beyond_usage(choice.instance_type + USAGE_SUFFIX, usage, same_type, choice.count)
        total, all_types = self._limits.get(TOTAL), sum(in_use.values())
        if total is not None and all_types + choice.count > total:
            return _beyond_usage(TOTAL, total, all_types, choice.count)
        return None

    def _usage_limit(self, instance_type: str) -> int | None:
        """The quota of exactly this type, else that of the first pattern that has it."""
        exact = self._limits.get(instance_type + USAGE_SUFFIX)
        if exact is not None:
            return exact
        name = instance_type + USAGE_SUFFIX
        return next((limit for pattern, limit in self._limits.items() if fnmatchcase(name, pattern)), None)


def _volume_gb(cluster: Mapping[str, Any]) -> int:
    """The volume that is asked for; types with local storage have none of their own."""
    types = (catalogue()[choice.instance_type] for choice in choices_of(cluster))
    return 0 if all(instance_type.nvme_gb for instance_type in types) else cluster["VolumeSizeInGB"]


def _beyond_usage(name: str, limit: int, used: int, asked: int) -> str:
    return (
        f"The account-level service limit '{name}' is {limit} Instances, with current utilization of {used} Instances "
        f"and a request delta of {asked} Instances. {_HOW_TO_RAISE}"
    )


def _beyond_size(name: str, limit: int, asked: int, unit: str) -> str:
    return (
        f"The request delta of {asked} {unit} for '{name}' is greater than the account-level service-limit of "
        f"{limit} {unit}. {_HOW_TO_RAISE}"
    )
