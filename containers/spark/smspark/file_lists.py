"""The options --jars, --py-files and --files: lists of files and folders, which spark-submit wants as files only."""

from pathlib import Path
from urllib.parse import urlsplit

from smspark.failure import bad_input


def expand(value: str) -> str:
    """A comma list in which each folder is replaced by the files directly in it; S3 URIs stay.

    The first element decides whether the list is local or on S3, as in the AWS image: the SDKs send S3 URIs and a local
    folder in one list. Raises SparkJobFailed for another scheme, a relative path, one that does not exist, or an empty
    folder.
    """
    scheme = urlsplit(value).scheme
    if scheme in ("s3", "s3a"):
        return value
    if scheme not in ("", "file"):
        raise bad_input(f"{value}: the scheme {scheme} is not supported; there are s3, s3a and absolute paths")
    return ",".join(file for part in value.split(",") for file in _files(Path(part)))


def _files(path: Path) -> list[str]:
    if not path.is_absolute():
        raise bad_input(f"file path {path} must be an absolute path to a file or directory")
    path = path.resolve()
    if not path.exists():
        raise bad_input(f"file path {path} does not exist")
    if path.is_file():
        return [str(path)]
    if not path.is_dir():
        raise bad_input(f"file at {path} is not a regular file or directory")
    files = sorted(str(file.resolve()) for file in path.iterdir() if file.is_file())
    if not files:
        raise bad_input(f"Found zero files in {path}")
    return files
