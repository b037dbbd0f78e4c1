"""Rules of a ClusterConfig: types, preferences and volumes (spec 1.3, 7.2)."""

from typing import Any

import pytest

from processing_emulator.domain.instance_types import catalogue
from processing_emulator.errors import ValidationFailed
from processing_emulator.jobs.cluster_rules import check_cluster

PLAIN = {"InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}


def preferring(*preferences: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {"VolumeSizeInGB": 1, "InstancePreferences": list(preferences), **cluster}


def a_type(name: str, count: int | None = None) -> dict[str, Any]:
    return {"InstanceType": name} | ({} if count is None else {"InstanceCount": count})


def refusal_of(cluster: dict[str, Any]) -> str:
    with pytest.raises(ValidationFailed) as refusal:
        check_cluster(cluster)
    return str(refusal.value)


@pytest.mark.parametrize(
    "cluster",
    [
        PLAIN,
        {**PLAIN, "InstanceCount": 3, "VolumeKmsKeyId": "k", "VolumeSizeInGB": 16384},
        preferring(a_type("ml.m5.large"), InstanceCount=1),
        preferring(a_type("ml.m5.large", 2), a_type("ml.g5.xlarge", 1)),
        preferring(a_type("ml.m5.large"), a_type("ml.c5.xlarge"), InstanceCount=2, VolumeKmsKeyId="k"),
        {"InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 250},
        {"InstanceType": "ml.g4dn.xlarge", "VolumeSizeInGB": 120},
    ],
)
def test_what_the_service_accepts_is_accepted(cluster: dict[str, Any]) -> None:
    check_cluster(cluster)


def test_a_type_is_required_in_one_of_two_forms() -> None:
    assert "must specify InstanceType or InstancePreferences" in refusal_of({"VolumeSizeInGB": 1})


def test_type_and_preferences_exclude_each_other() -> None:
    text = refusal_of(preferring(a_type("ml.m5.large"), InstanceCount=1, InstanceType="ml.m5.large"))

    assert "only one of InstanceType and InstancePreferences" in text


def test_a_type_is_preferred_once() -> None:
    text = refusal_of(preferring(a_type("ml.m5.large", 1), a_type("ml.m5.large", 2)))

    assert text == "InstanceType ml.m5.large appears more than once in InstancePreferences"


@pytest.mark.parametrize(
    ("cluster", "text"),
    [
        (preferring(a_type("ml.m5.large", 1), a_type("ml.c5.xlarge")), "every entry of InstancePreferences or on none"),
        (preferring(a_type("ml.m5.large", 1), InstanceCount=1), "not be set both in InstancePreferences and in"),
        (preferring(a_type("ml.m5.large")), "must be set on every entry of InstancePreferences or in ClusterConfig"),
    ],
    ids=["on some", "in both places", "in neither"],
)
def test_counts_are_given_in_one_place(cluster: dict[str, Any], text: str) -> None:
    assert text in refusal_of(cluster)


@pytest.mark.parametrize("name", ["SelectedInstanceType", "SelectedInstanceCount"])
def test_read_only_members_are_refused(name: str) -> None:
    assert f"{name} is read-only" in refusal_of({**PLAIN, name: "ml.m5.large"})


def test_type_without_known_size_is_refused() -> None:
    assert "ml.q9.huge" in refusal_of({**PLAIN, "InstanceType": "ml.q9.huge"})


@pytest.mark.parametrize("name", [name for name, item in catalogue().items() if item.nvme_gb])
def test_local_storage_bounds_the_volume_and_takes_no_key(name: str) -> None:
    size = catalogue()[name].nvme_gb
    check_cluster({"InstanceType": name, "VolumeSizeInGB": size})
    assert f"more than the local instance storage of {name}, {size} GB" in refusal_of(
        {"InstanceType": name, "VolumeSizeInGB": size + 1}
    )
    assert "VolumeKmsKeyId cannot be used" in refusal_of(
        {"InstanceType": name, "VolumeSizeInGB": 1, "VolumeKmsKeyId": "k"}
    )


def test_every_preferred_type_must_take_the_volume() -> None:
    cluster = preferring(a_type("ml.m5.large"), a_type("ml.g5.xlarge"), InstanceCount=1, VolumeSizeInGB=251)

    assert "ml.g5.xlarge, 250 GB" in refusal_of(cluster)
