"""The store of tags."""

from collections.abc import Collection, Mapping
from typing import Protocol

from processing_emulator.domain.job import JobId


class TagStore(Protocol):
    """The tags of jobs."""

    def list_tags(self, job_id: JobId) -> Mapping[str, str]:
        """The job's tags."""
        ...

    def put_tags(self, job_id: JobId, tags: Mapping[str, str], limit: int) -> Mapping[str, str]:
        """Add tags, or overwrite those with the same key; all tags of the job afterwards.

        Raises ValidationFailed, and changes nothing, when there would be more than `limit`; JobNotFound, for a deleted
        job too.
        """
        ...

    def remove_tags(self, job_id: JobId, keys: Collection[str]) -> None:
        """Remove the tags with these keys; keys that are not there are no error."""
        ...
