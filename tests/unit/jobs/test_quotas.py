"""Quotas, with the service's texts (spec 1.2, 7.1)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import JobNameInUse, QuotaExceeded
from processing_emulator.jobs.quotas import PER_JOB, RUN_TIME, TOTAL, USAGE_SUFFIX, VOLUME, unknown_quota
from tests.builders import a_key, a_request
from tests.unit.jobs.job_requests import Api

HOW_TO_RAISE = (
    "Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, "
    "contact AWS support to request an increase for this quota."
)
MEDIUM = "ml.t3.medium" + USAGE_SUFFIX


def refusal_of(api: Api, name: str = "refused", **changes: Any) -> str:
    with pytest.raises(QuotaExceeded) as refusal:
        api.service.create(a_key(name), a_request(name, **changes))
    assert api.store.find(a_key(name)) is None
    return str(refusal.value)


def test_no_quota_is_enforced_by_default() -> None:
    api = Api()
    for number in range(30):
        api.service.create(a_key(f"j{number}"), a_request(f"j{number}", volume_gib=16384))


def test_usage_of_a_type_gets_the_service_s_text() -> None:
    api = Api(quotas={MEDIUM: 1})
    api.service.create(a_key("first"), a_request("first"))

    assert refusal_of(api) == (
        "The account-level service limit 'ml.t3.medium for processing job usage' is 1 Instances, with current "
        f"utilization of 1 Instances and a request delta of 1 Instances. {HOW_TO_RAISE}"
    )


def test_a_job_that_has_ended_is_not_counted() -> None:
    api = Api(quotas={MEDIUM: 1})
    api.move(api.service.create(a_key("first"), a_request("first")), JobPhase.STOPPED)

    api.service.create(a_key("second"), a_request("second"))


def test_other_types_accounts_and_regions_are_not_counted() -> None:
    api = Api(quotas={MEDIUM: 1})
    for key in (a_key(), a_key(account="111122223333"), a_key(region="eu-west-1")):
        api.service.create(key, a_request())
    for number in range(3):
        api.service.create(a_key(f"l{number}"), a_request(f"l{number}", instance_type="ml.t3.large"))


def test_a_pattern_is_a_quota_of_each_type_and_an_exact_name_comes_before_it() -> None:
    api = Api(quotas={"ml.*" + USAGE_SUFFIX: 0, MEDIUM: 1})

    api.service.create(a_key("medium"), a_request("medium"))
    assert "'ml.m5.large for processing job usage' is 0 Instances" in refusal_of(api, instance_type="ml.m5.large")


def test_total_counts_all_types() -> None:
    api = Api(quotas={TOTAL: 2})
    api.service.create(a_key("a"), a_request("a"))
    api.service.create(a_key("b"), a_request("b", instance_type="ml.m5.large"))

    text = refusal_of(api, instance_type="ml.c5.xlarge")

    assert text.startswith(f"The account-level service limit '{TOTAL}' is 2 Instances, with current utilization of 2 ")


@pytest.mark.parametrize(
    ("quota", "changes", "asked", "unit"),
    [
        (VOLUME, {"volume_gib": 11}, 11, "GBs"),
        (RUN_TIME, {"StoppingCondition": {"MaxRuntimeInSeconds": 11}}, 11, "Seconds"),
    ],
)
def test_sizes_get_the_service_s_text(quota: str, changes: dict[str, Any], asked: int, unit: str) -> None:
    assert refusal_of(Api(quotas={quota: 10}), **changes) == (
        f"The request delta of {asked} {unit} for '{quota}' is greater than the account-level service-limit of "
        f"10 {unit}. {HOW_TO_RAISE}"
    )


def test_local_storage_is_no_ebs_volume() -> None:
    api = Api(quotas={VOLUME: 10})

    api.service.create(a_key(), a_request(instance_type="ml.g5.xlarge", volume_gib=200))


@pytest.mark.parametrize("types", [("ml.m5.large", "ml.t3.medium"), ("ml.t3.medium", "ml.m5.large")])
def test_every_type_among_the_preferences_has_to_be_within_its_quota(types: tuple[str, str]) -> None:
    api = Api(quotas={"ml.m5.large" + USAGE_SUFFIX: 0, MEDIUM: 1})
    preferences = [{"InstanceType": name} for name in types]
    cluster = {"VolumeSizeInGB": 1, "InstanceCount": 1, "InstancePreferences": preferences}

    with pytest.raises(QuotaExceeded, match=r"ml\.m5\.large"):
        api.service.create(a_key(), a_request() | {"ProcessingResources": {"ClusterConfig": cluster}})


def test_creates_at_the_same_moment_do_not_share_what_is_left() -> None:
    api = Api(quotas={MEDIUM: 3})

    def create(number: int) -> bool:
        try:
            api.service.create(a_key(f"j{number}"), a_request(f"j{number}"))
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(24))) == 3


def test_a_used_name_is_told_when_the_quota_has_room() -> None:
    api = Api(quotas={MEDIUM: 2, PER_JOB: 1})
    api.service.create(a_key(), a_request())

    with pytest.raises(JobNameInUse):
        api.service.create(a_key(), a_request())


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        (TOTAL, False),
        (MEDIUM, False),
        ("ml.g5.*" + USAGE_SUFFIX, False),
        ("ml.q9.huge" + USAGE_SUFFIX, True),
        ("ml.t3.medium", True),
        ("", True),
    ],
)
def test_a_name_that_is_no_quota_is_known_as_such(name: str, unknown: bool) -> None:
    assert unknown_quota(name) is unknown
