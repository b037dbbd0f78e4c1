"""Remembers multipart uploads that are not over, so that those of a killed server are aborted at its next start."""

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

logger = logging.getLogger(__name__)

_ENDING = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunUpload:
    """One multipart upload; without an id, the server was killed before it knew it."""

    bucket: str
    key: str
    began_at: datetime
    upload_id: str | None = None


class MultipartJournal:
    """One small file for each upload, below `folder`; without a folder nothing is remembered.

    A disk that cannot be written to does not stop an upload: it is only not aborted after a kill.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def begin(self, bucket: str, key: str) -> "JournalEntry":
        """The upload is about to be created."""
        upload = BegunUpload(bucket=bucket, key=key, began_at=datetime.now(UTC))
        path = self._folder / f"{uuid.uuid4().hex}{_ENDING}" if self._folder is not None else None
        entry = JournalEntry(path, upload)
        entry.write()
        return entry

    def iter_entries(self) -> Iterator["JournalEntry"]:
        """What an earlier run of the server has left."""
        for path in sorted(self._folder.glob(f"*{_ENDING}")) if self._folder is not None else ():
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
                began_at = datetime.fromisoformat(said.pop("began_at"))
                yield JournalEntry(path, BegunUpload(**said, began_at=began_at))
            except (OSError, ValueError, TypeError, KeyError) as error:
                logger.warning("multipart journal not readable", extra={"path": path, "error": error})


class JournalEntry:
    """The file of one upload."""

    def __init__(self, path: Path | None, upload: BegunUpload) -> None:
        self._path = path
        self.upload = upload
        self.is_over = False

    def created(self, upload_id: str) -> None:
        """The store has created the upload."""
        self.upload = replace(self.upload, upload_id=upload_id)
        self.write()

    def over(self) -> None:
        """The upload is completed or aborted, or was never created."""
        self.is_over = True
        if self._path is not None:
            with _on_disk(self._path):
                self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Write the file; there is always a whole one."""
        if self._path is None:
            return
        upload = self.upload
        said = {"bucket": upload.bucket, "key": upload.key, "upload_id": upload.upload_id}
        new = self._path.with_suffix(".new")
        with _on_disk(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps({**said, "began_at": upload.began_at.isoformat()}), encoding="utf-8")
            new.replace(self._path)


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        logger.warning("multipart journal not written", extra={"path": path, "error": error})
