"""The rules of a ClusterConfig that the service model does not hold: types, preferences, volumes (spec 1.3, 2.6).

Pure; the request has passed the model's constraints. The service's texts are not published.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from processing_emulator.domain.instance_types import catalogue
from processing_emulator.errors import ValidationFailed

_READ_ONLY = ("SelectedInstanceType", "SelectedInstanceCount")


def check_cluster(cluster: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for what the service refuses."""
    for name in _READ_ONLY:
        if name in cluster:
            raise ValidationFailed(f"{name} is read-only and is not accepted in CreateProcessingJob requests")
    preferences = cluster.get("InstancePreferences")
    if preferences is None and cluster.get("InstanceType") is None:
        raise ValidationFailed("ClusterConfig must specify InstanceType or InstancePreferences")
    if preferences is not None:
        _check_preferences(cluster, preferences)
    for choice in preferences or [cluster]:
        _check_volume(cluster, choice["InstanceType"])


def _check_preferences(cluster: Mapping[str, Any], preferences: list[Mapping[str, Any]]) -> None:
    if cluster.get("InstanceType") is not None:
        raise ValidationFailed("ClusterConfig must specify only one of InstanceType and InstancePreferences")
    for instance_type, count in Counter(item["InstanceType"] for item in preferences).items():
        if count > 1:
            raise ValidationFailed(f"InstanceType {instance_type} appears more than once in InstancePreferences")
    with_count = sum("InstanceCount" in item for item in preferences)
    if 0 < with_count < len(preferences):
        raise ValidationFailed("InstanceCount must be set on every entry of InstancePreferences or on none")
    if with_count and "InstanceCount" in cluster:
        raise ValidationFailed("InstanceCount must not be set both in InstancePreferences and in ClusterConfig")
    if not with_count and "InstanceCount" not in cluster:
        raise ValidationFailed("InstanceCount must be set on every entry of InstancePreferences or in ClusterConfig")


def _check_volume(cluster: Mapping[str, Any], name: str) -> None:
    """A type with local NVMe storage mounts that storage instead of a separate volume."""
    instance_type = catalogue().get(name)
    if instance_type is None:
        raise ValidationFailed(f"InstanceType {name} is not in the emulator's catalogue")
    if not instance_type.nvme_gb:
        return
    if cluster.get("VolumeKmsKeyId"):
        raise ValidationFailed(f"VolumeKmsKeyId cannot be used with {name}, which has local instance storage")
    if cluster["VolumeSizeInGB"] > instance_type.nvme_gb:
        raise ValidationFailed(
            f"VolumeSizeInGB {cluster['VolumeSizeInGB']} is more than the local instance storage of {name}, "
            f"{instance_type.nvme_gb} GB"
        )
