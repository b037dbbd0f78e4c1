"""What to do about a job that failed, in a sentence for each kind of reason."""

from collections.abc import Mapping, Sequence

from processing_emulator.domain.job import InstanceRecord, ProcessingJob
from processing_emulator.domain.outcome import FailureClass, StopCause


def advice_for(job: ProcessingJob, instances: Sequence[InstanceRecord]) -> str | None:
    """None for a job without a FailureReason."""
    reason = job.failure_reason
    if reason is None:
        return None
    if any(record.exit is not None and record.exit.out_of_memory for record in instances):
        return "The container used all of its memory. Look at the memory curve, and ask for a larger instance type."
    return _ADVICE.get(reason.partition(":")[0], _ADVICE[FailureClass.INTERNAL])


_ADVICE: Mapping[str, str] = {
    FailureClass.ALGORITHM: (
        "The program in the container ended with an error. Its last lines are below; "
        "they usually name the error. The request at the end of this page runs the job again."
    ),
    FailureClass.CLIENT: (
        "Something that the request names could not be used. The reason names it; "
        "compare it with the inputs, outputs and the image in the request below."
    ),
    FailureClass.CAPACITY: (
        "This machine does not have what the job asks for. Compare the instance type with the machine's capacity, "
        "on the page Machine."
    ),
    FailureClass.INTERNAL: (
        "Not the job's fault: the Docker engine, the S3 store or the disk failed. Look at the health on the page "
        "Machine and at the server's log, then run the job again."
    ),
}


def failed_host(instances: Sequence[InstanceRecord]) -> InstanceRecord | None:
    """The first host that failed by itself, whose log is worth reading."""
    for record in instances:
        if record.stopped is not StopCause.PEER_FAILED and _has_failed(record):
            return record
    return None


def _has_failed(record: InstanceRecord) -> bool:
    return record.failure is not None or (record.exit is not None and record.exit.code != 0)
