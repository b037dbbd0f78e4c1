"""How CloudWatch Logs names the group and the streams of processing jobs (spec 5.1)."""

from typing import NamedTuple, NewType

PROCESSING_JOBS_GROUP = "/aws/sagemaker/ProcessingJobs"

LogStreamId = NewType("LogStreamId", int)


class LogGroupKey(NamedTuple):
    """A group's name is unique per account and region."""

    account: str
    region: str
    name: str


def is_text(name: str) -> bool:
    """Whether every database can hold the name: it has no NUL and no half of a surrogate pair."""
    return "\0" not in name and name == name.encode(errors="replace").decode()


def output_stream_name(job_name: str, index: int, second: int) -> str:
    """The stream of one instance: `<job>/algo-<n>-<second in which the job started>`."""
    return f"{job_name}/algo-{index + 1}-{second}"
