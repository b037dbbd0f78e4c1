"""What the real service would say to a job, from what is stored of it."""

from collections.abc import Sequence

from processing_emulator.domain.cloud_job import CloudJob, Finding
from processing_emulator.domain.cloud_readiness import findings_of
from processing_emulator.domain.job import InstanceRecord, JobEvent, ProcessingJob
from processing_emulator.ports import TagStore


def readiness_of(
    store: TagStore, job: ProcessingJob, instances: Sequence[InstanceRecord], events: Sequence[JobEvent]
) -> Sequence[Finding]:
    """The findings for a stored job, from its request, tags, limits and history."""
    return findings_of(
        CloudJob(
            key=job.key,
            request=job.request,
            tags=store.list_tags(job.id),
            limits=[record.limits for record in instances],
            events=events,
        )
    )
