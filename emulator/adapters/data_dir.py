"""The folder in which one emulator keeps everything: locked while it runs, with an id that its containers carry."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from emulator.errors import StoreFailure

ID_LENGTH = 8


class DataDir:
    """Paths below the data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "emulator.db"
        self.jobs = root / "jobs"
        self.s3 = root / "s3"
        self.logs = root / "logs"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. Raises StoreFailure when another emulator holds it, or it is unusable."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.jobs, self.logs):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)  # a job's files are writable by anybody and may be setuid: nobody gets near them
            self.database.touch(mode=0o600)
            lock = (self.root / "lock").open("w", encoding="ascii")
        except OSError as error:
            raise StoreFailure(f"data directory {self.root} cannot be used: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreFailure(
                    f"data directory {self.root} is in use by another emulator; choose another with --data-dir"
                ) from error
            yield

    def emulator_id(self) -> str:
        """Eight hexadecimal digits, made once, that tell this emulator's containers from others'.

        Raises StoreFailure.
        """
        path = self.root / "id"
        try:
            with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
                text = path.read_text(encoding="ascii").strip()
                if len(text) == ID_LENGTH and text.isalnum():
                    return text
            text = secrets.token_hex(ID_LENGTH // 2)
            partial = path.with_suffix(".new")
            partial.write_text(text + "\n", encoding="ascii")
            os.replace(partial, path)  # noqa: PTH105  # atomic: a crash leaves the old id or the new one
        except OSError as error:
            raise StoreFailure(f"{path} cannot be used: {error.strerror}") from error
        return text
