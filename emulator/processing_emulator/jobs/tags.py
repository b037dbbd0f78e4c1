"""Tags of processing jobs, named by ARN (spec 1.10). Knows no HTTP."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from processing_emulator.domain.cache_entry import CACHE_TAG, CACHE_TAG_VALUES
from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.domain.kept_job import KEEP_FAILED_TAG, KEEP_FAILED_TAG_VALUES
from processing_emulator.errors import JobNotFound, TaggedResourceNotFound, Unsupported, ValidationFailed
from processing_emulator.ports import JobStore

logger = logging.getLogger(__name__)

MOST_TAGS = 50
"""Tags of one resource."""

_OWN_TAGS = {CACHE_TAG: CACHE_TAG_VALUES, KEEP_FAILED_TAG: KEEP_FAILED_TAG_VALUES}
"""The emulator's own tags, and what each may say."""

_RESERVED = "aws:"
_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:([a-z0-9-]*):([0-9]{12}):([^/]+)(?:/(.*))?", re.DOTALL)


def check_tags(tags: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValidationFailed for what the service model does not hold: keys that repeat, and keys that are reserved.

    The emulator's own tags have values of their own.
    """
    for tag in tags:
        values = _OWN_TAGS.get(tag["Key"])
        if values is not None and tag["Value"] not in values:
            raise ValidationFailed(f"Tag {tag['Key']} must be {' or '.join(values)}")
    keys = [tag["Key"] for tag in tags]
    has_repeated = len(set(keys)) < len(keys)
    for key in keys:
        if has_repeated and keys.count(key) > 1:
            raise ValidationFailed(f"Tag key {key} is not unique")
        if key.lower().startswith(_RESERVED):
            raise ValidationFailed(f"Tag key {key} is invalid: keys that begin with {_RESERVED} are reserved")


class JobTags:
    """The use cases of tags. `account` and `region` are the caller's: tags of other accounts are not found."""

    def __init__(self, *, store: JobStore) -> None:
        self._store = store

    def list(self, account: str, region: str, arn: str) -> Mapping[str, str]:
        """All tags of a job, by key. Raises TaggedResourceNotFound, Unsupported."""
        return self._store.list_tags(self._job(account, region, arn).id)

    def put(self, account: str, region: str, arn: str, tags: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
        """Add tags or overwrite them by key; all tags afterwards.

        Raises TaggedResourceNotFound, Unsupported, ValidationFailed.
        """
        check_tags(tags)
        job = self._job(account, region, arn)
        try:
            stored = self._store.put_tags(job.id, {tag["Key"]: tag["Value"] for tag in tags}, MOST_TAGS)
        except JobNotFound as error:  # deleted in this moment
            raise _no_resource(arn) from error
        logger.info("tags added", extra={"job": job.key.name, "job_id": job.id, "keys": [tag["Key"] for tag in tags]})
        return stored

    def remove(self, account: str, region: str, arn: str, keys: Collection[str]) -> None:
        """Remove tags; keys that are not there are no error. Raises TaggedResourceNotFound, Unsupported."""
        job = self._job(account, region, arn)
        self._store.remove_tags(job.id, keys)
        logger.info("tags removed", extra={"job": job.key.name, "job_id": job.id, "keys": list(keys)})

    def _job(self, account: str, region: str, arn: str) -> ProcessingJob:
        match = _ARN.fullmatch(arn)
        if match is None:
            raise _no_resource(arn)
        if match[3] != "processing-job":
            raise Unsupported(f"Tags of a {match[3]} are not supported by the emulator; it only has processing jobs")
        if (match[1], match[2]) != (region, account):
            raise _no_resource(arn)
        job = self._store.find(JobKey(account=account, region=region, name=match[4] or ""))
        if job is None:
            raise _no_resource(arn)
        return job


def _no_resource(arn: str) -> TaggedResourceNotFound:
    """The service answers ValidationException here; its text, as far as it was seen, is empty."""
    return TaggedResourceNotFound(f"Could not find requested resource with ARN: {arn}")
