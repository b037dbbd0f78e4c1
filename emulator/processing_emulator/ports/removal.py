"""Removal of what is older than it is to be kept."""

from datetime import datetime
from typing import Protocol


class JobRemoval(Protocol):
    """Of the jobs of all accounts."""

    def remove_jobs_ended_before(self, at: datetime, limit: int, now: datetime) -> int:
        """Remove jobs that ended before, deleted ones too, with their history, tags and log streams; how many.

        At most `limit`, those that ended first first; their ids are never given again. Metrics stay, and so do failed
        jobs that are kept at `now`.
        """
        ...

    def first_end(self, now: datetime) -> datetime | None:
        """When the job ended that ended first of all that could be removed at `now`."""
        ...

    def used_bytes(self) -> int | None:
        """Space that everything stored takes; None where the database does not tell."""
        ...

    def give_space_back(self) -> bool:
        """Give some space of what was removed back to the file system; whether there is more to give."""
        ...
