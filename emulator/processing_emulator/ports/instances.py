"""The store of instances: what is known of each host of a job."""

from collections.abc import Sequence
from typing import Protocol

from processing_emulator.domain.job import InstanceRecord, JobId, Limits


class InstanceStore(Protocol):
    """The facts of each host of a job; enough to attach to its container again after a crash."""

    def ensure_instances(self, job_id: JobId, limits: Sequence[Limits]) -> Sequence[InstanceRecord]:
        """The records of a job's hosts, one for each of the limits, in order; what is missing is made, all or none.

        Records that are there already stay as they are.
        """
        ...

    def list_instances(self, job_id: JobId) -> Sequence[InstanceRecord]:
        """All hosts of a job, in order."""
        ...

    def list_unfinished_instances(self) -> Sequence[InstanceRecord]:
        """All hosts of all jobs not in a terminal phase, in the order of jobs and hosts."""
        ...

    def save_instance(self, record: InstanceRecord) -> None:
        """Store all facts of an instance but its cursor, which belongs to the log."""
        ...
