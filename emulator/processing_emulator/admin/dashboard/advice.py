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
    kind = reason.partition(":")[0]
    if kind == FailureClass.CLIENT:
        for words, advice in _ADVICE_FOR_WORDS.items():
            if words in reason:
                return advice
    return _ADVICE.get(kind, _ADVICE[FailureClass.INTERNAL])


_ADVICE_FOR_WORDS: Mapping[str, str] = {
    "NoSuchBucket": (
        "There is no such bucket here; buckets of the cloud are not known. "
        "Make it (aws s3 mb s3://NAME, or create_bucket of boto3), or correct the name in the request below."
    ),
    "No S3 objects found": (
        "The input has no objects here; nothing is fetched from the cloud. "
        "Upload them first (aws s3 cp, or upload_file of boto3), or correct the prefix in the request below."
    ),
    "Cannot pull": (
        "The image is not on this machine and could not be pulled. Build it, load it with docker load, or correct its "
        "name; processing-emulator images list shows the images that come with the emulator."
    ),
}
"""Reasons of beginners that are told apart by words of the service (`domain.outcome`, `engine.failures`)."""

_ADVICE: Mapping[str, str] = {
    FailureClass.ALGORITHM: (
        "The program in the container ended with an error. Its last lines are below; "
        "they usually name the error. The code below Request runs the job again."
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
