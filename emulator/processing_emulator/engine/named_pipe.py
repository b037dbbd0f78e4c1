"""The named pipes of one input in Pipe mode: a FIFO for each epoch, `LocalPath_0`, `LocalPath_1`, ... (spec 3.4).

Each FIFO has two names: one in a folder that the container sees, and one that it does not see. The emulator opens only
its own, so that it does not matter what the container puts in the place of the other. The own name also says, after a
restart of the emulator, how far the epoch was: `N.waiting`, or `N.taken` from just before the first read until its end.
"""

import errno
import os
import platform
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from processing_emulator.domain.container_contract import folder_of
from processing_emulator.domain.spec import InputMode, JobInput, JobSpec
from processing_emulator.errors import Cancelled, StagingFailure
from processing_emulator.ports import CancelToken
from processing_emulator.untrusted_folder import link_into, unlink_from

LOOK_SECONDS = 0.1
"""How often a reader that is not there, or reads nothing, is looked for, and the cancellation noticed."""

_ANYBODY = 0o666  # the container runs as the user of the image (spec 2.1)
_WRITING = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class PipeWriter:
    """The end of a FIFO that the emulator writes to. Never blocks longer than it takes to notice a cancellation.

    `sent_bytes` is what the FIFO has taken.
    """

    def __init__(self, descriptor: int, cancel: CancelToken) -> None:
        self._descriptor = descriptor
        self._cancel = cancel
        self.sent_bytes = 0

    def write(self, data: bytes) -> bool:
        """Write everything at the speed of the reader; False when all readers have closed it. Raises Cancelled."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        rest = memoryview(data)
        while rest:
            if self._cancel.is_set():
                raise Cancelled("the pipe is not fed any more")
            try:
                sent = os.write(self._descriptor, rest)
                self.sent_bytes += sent
                rest = rest[sent:]
            except BlockingIOError:
                poll.poll(LOOK_SECONDS * 1000)
            except BrokenPipeError:
                return False
        return True


class NamedPipe:
    """The pipes of one input, one at a time. `path` without the number is below `root`, and so is the `own` folder.

    `is_over`: there is none any more, because the next one could not be made.
    """

    def __init__(self, root: Path, path: str, own: str) -> None:
        self._root = root
        self._path = path
        self._own = root / own
        self.epoch = 0
        self.is_over = False

    def make(self) -> None:
        """Make the first one, before the container starts. Raises StagingFailure."""
        if platform.system() != "Linux":
            raise StagingFailure(
                "S3InputMode Pipe needs an emulator on Linux: elsewhere, containers see no named pipes"
            )
        with _failing(f"make the named pipe {self._path}_0"):
            self._own.mkdir(parents=True)
            self._make(0)

    def resume(self) -> bool:
        """Find the epoch whose reader is to come; False when the reader of one may have begun to read.

        Raises StagingFailure.
        """
        with _failing(f"find the named pipe {self._path}"):
            names = {path.name for path in self._own.iterdir()}
            waiting = [int(name.removesuffix(".waiting")) for name in names if name.endswith(".waiting")]
            self.is_over = not names
            if not waiting:
                return self.is_over
            self.epoch = max(waiting)
            self._remove(self.epoch - 1)
            with suppress(OSError):  # the container may have taken it away
                self._make(self.epoch)
            return True

    @contextmanager
    def opened(self, cancel: CancelToken) -> Iterator[PipeWriter]:
        """Wait until a reader opens the pipe of this epoch. Raises Cancelled, StagingFailure."""
        descriptor = self._open_once()
        while descriptor is None:
            if cancel.wait(LOOK_SECONDS):
                raise Cancelled("no reader has come")
            descriptor = self._open_once()
        try:
            yield PipeWriter(descriptor, cancel)
        finally:
            os.close(descriptor)

    def end_epoch(self) -> None:
        """Make the next pipe and remove this one, before its end can be read: nobody waits at a pipe that is over.

        Raises StagingFailure when there can be no next one, which may be the container's doing.
        """
        ended, self.epoch = self.epoch, self.epoch + 1
        try:
            with _failing(f"make the named pipe {self._path}_{self.epoch}"):
                self._make(self.epoch)
        finally:
            self._remove(ended)

    def _make(self, epoch: int) -> None:
        """Can be done again, if it was interrupted."""
        own = self._waiting(epoch)
        with suppress(FileExistsError):
            os.mkfifo(own)
        own.chmod(_ANYBODY)
        link_into(own, self._root, f"{self._path}_{epoch}")

    def _remove(self, epoch: int) -> None:
        own = self._taken(epoch)
        with suppress(OSError):  # what the container makes of its name is its own affair
            unlink_from(own, self._root, f"{self._path}_{epoch}")
        own.unlink(missing_ok=True)

    def _open_once(self) -> int | None:
        """None while nobody reads. An opened pipe wakes its reader, so a crash must not leave it as if untouched."""
        waiting, taken = self._waiting(self.epoch), self._taken(self.epoch)
        with _failing(f"open the named pipe {self._path}_{self.epoch}"):
            waiting.rename(taken)
            try:
                return os.open(taken, _WRITING)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
            taken.rename(waiting)
            return None

    def _waiting(self, epoch: int) -> Path:
        return self._own / f"{epoch}.waiting"

    def _taken(self, epoch: int) -> Path:
        return self._own / f"{epoch}.taken"


def named_pipes(spec: JobSpec, root: Path) -> Sequence[tuple[JobInput, NamedPipe]]:
    """The inputs of a job in Pipe mode, and their pipes in the folder of an instance."""
    return [
        (item, NamedPipe(root, folder_of(item.local_path), f"pipes/{index}"))
        for index, item in enumerate(spec.inputs)
        if item.mode is InputMode.PIPE
    ]


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StagingFailure(f"cannot {what}: {error.strerror}") from error
