"""The folder in which one emulator keeps everything: locked while it runs, with an id that its containers carry."""

import contextlib
import fcntl
import os
import secrets
import string
import time
from collections.abc import Iterator
from pathlib import Path

from processing_emulator.errors import StoreFailure

ID_LENGTH = 8
LOCK_SECONDS = 0.5
SECRET_LENGTH = 64


class DataDir:
    """Paths below the data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "emulator.db"
        self.jobs = root / "jobs"
        self.cache = root / "cache"
        self.views = self.cache / "views"
        self.s3 = root / "s3"
        self.logs = root / "logs"
        self.multipart_uploads = root / "multipart-uploads"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. Raises StoreFailure when another emulator holds it, or it is unusable."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.jobs, self.cache, self.logs):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)  # files of jobs are world-writable and may be setuid: keep other users out
            self.database.touch(mode=0o600)
            (self.root / "lock").touch()
            lock = (self.root / "lock").open("r+", encoding="ascii")
        except OSError as error:
            raise StoreFailure(
                f"data directory {self.root} cannot be used: {error.strerror}; choose another with --data-dir"
            ) from error
        with lock:
            try:
                has_lock = _locks(lock.fileno())
            except OSError as error:
                raise StoreFailure(f"data directory {self.root} cannot be locked: {error.strerror}") from error
            if not has_lock:
                raise StoreFailure(
                    f"data directory {self.root} is in use by another emulator; choose another with --data-dir"
                )
            length = os.pwrite(lock.fileno(), f"{os.getpid()}\n".encode(), 0)
            lock.truncate(length)
            yield

    def is_in_use(self) -> bool:
        """Whether a running emulator holds the folder. Changes nothing."""
        try:
            lock = (self.root / "lock").open(encoding="ascii")
        except OSError:
            return False
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def owner(self) -> int | None:
        """The process that holds the folder, None if no emulator runs there. Changes nothing."""
        if not self.is_in_use():
            return None
        text = (self.root / "lock").read_text(encoding="ascii").strip()
        return int(text) if text.isdecimal() else None

    def emulator_id(self) -> str:
        """Eight hexadecimal digits, made once, that tell this emulator's containers from others'.

        Raises StoreFailure.
        """
        return self._kept("id", ID_LENGTH, 0o666)

    def credential_secret(self) -> bytes:
        """The key that seals temporary credentials, made once; only its owner may read it. Raises StoreFailure."""
        return bytes.fromhex(self._kept("credential-secret", SECRET_LENGTH, 0o600))

    def _kept(self, name: str, length: int, mode: int) -> str:
        """`length` hexadecimal digits that stay in the file `name`; created again when the file is damaged."""
        path = self.root / name
        try:
            with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
                text = path.read_text(encoding="ascii").strip()
                if len(text) == length and not set(text) - set(string.hexdigits):
                    return text
            text = secrets.token_hex(length // 2)
            partial = path.with_suffix(".new")
            partial.unlink(missing_ok=True)
            partial.touch(mode=mode)
            partial.write_text(text + "\n", encoding="ascii")
            os.replace(partial, path)  # noqa: PTH105  # atomic: a crash leaves the old one or the new one
        except OSError as error:
            raise StoreFailure(f"{path} cannot be used: {error.strerror}") from error
        return text


def _locks(file: int) -> bool:
    """Take the lock of a server; false while another process has it. Raises OSError.

    Whoever asks whether the folder is in use holds it for a moment, too.
    """
    give_up_at = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(LOCK_SECONDS / 20)
        else:
            return True
