"""How a Spark job fails: the text of the message file, and the exit code."""

from pathlib import Path

MESSAGE_FILE = Path("/opt/ml/output/message")
MESSAGE_LIMIT = 1024


class SparkJobFailed(Exception):
    """The job ends with `exit_code`; `message` becomes its ExitMessage, in the words of the AWS image."""

    def __init__(self, what: str, cause: BaseException, *, exit_code: int = 1) -> None:
        text = f"Algorithm Error: (caused by {type(cause).__name__}): {what}: {cause}"
        self.message = text[:MESSAGE_LIMIT].strip()
        self.exit_code = exit_code
        super().__init__(self.message)


def bad_input(text: str) -> SparkJobFailed:
    """The failure of a job whose options or configuration are wrong."""
    return SparkJobFailed("error preparing for spark submit", ValueError(text))


def write_message(message: str, file: Path = MESSAGE_FILE) -> None:
    """Write what becomes the job's ExitMessage."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(message)
