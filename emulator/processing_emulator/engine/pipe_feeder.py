"""Feeds the named pipes of inputs in Pipe mode while the container runs (spec 3.4)."""

import logging
import threading
from contextlib import closing, suppress

from processing_emulator.domain.spec import JobInput, JobSpec
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.failures import download_failure, internal_failure
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.engine.named_pipe import NamedPipe, PipeWriter, named_pipes
from processing_emulator.engine.retry import Detached
from processing_emulator.engine.stager import Stager
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import Cancelled, StagingFailure
from processing_emulator.log_context import in_log_context

logger = logging.getLogger(__name__)


class PipeFeeder:
    """All pipes of one instance; an Activity.

    Whoever opens a pipe reads the whole input, then the next pipe is there for another time. A reader that never comes,
    or closes the pipe early, is noted and is no failure. A stream that breaks ends the container. So does a restart of
    the emulator in the middle of a stream, because the container cannot tell that from the stream's end.
    """

    name = "pipe_feeder"

    def __init__(self, stager: Stager, workspace: Workspace, spec: JobSpec, journal: Journal, name: str) -> None:
        self._feeds = [_Feed(item, pipe, stager, journal, name) for item, pipe in named_pipes(spec, workspace.root)]

    def start(self, end_container: EndContainer) -> None:
        """Begin with the first pipe that nobody has read; after a restart that may be a later one."""
        for feed in self._feeds:
            feed.start(end_container)

    def finish(self, *, engine_was_away: bool) -> bool:  # noqa: ARG002  # the engine has no part in it
        """End: nobody can read any more. What was not read is noted."""
        self.abandon()
        for feed in self._feeds:
            feed.note_unread()
        return True

    def abandon(self) -> None:
        """End; returns when nothing runs any more."""
        for feed in self._feeds:
            feed.end()
        for feed in self._feeds:
            feed.join()


class _Feed:
    """The pipes of one input, fed by a thread."""

    def __init__(self, item: JobInput, pipe: NamedPipe, stager: Stager, journal: Journal, name: str) -> None:
        self._item = item
        self._pipe = pipe
        self._stager = stager
        self._journal = journal
        self._writer: PipeWriter | None = None
        self._is_over = False
        self._ended = threading.Event()
        self._end_container: EndContainer = lambda _failure: None
        self._thread = threading.Thread(target=in_log_context(self._run), name=f"{name}-{item.name}-pipe", daemon=True)

    def start(self, end_container: EndContainer) -> None:
        self._end_container = end_container
        failure = None
        try:
            if not self._pipe.resume():
                failure = internal_failure(
                    f"the emulator was stopped while the container read the named pipe of input {self._item.name}; "
                    "where it was is not known any more"
                )
        except StagingFailure as error:
            failure = download_failure(error)
        self._is_over = self._pipe.is_over or failure is not None
        if failure is not None:
            end_container(failure)
        elif not self._is_over:
            self._thread.start()

    def end(self) -> None:
        self._ended.set()

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def note_unread(self) -> None:
        """In the history, when the container has exited."""
        if self._is_over:
            return
        if self._writer is not None:
            self._note("pipe_closed_early", self._writer.sent_bytes)
        elif self._pipe.epoch == 0:
            self._note("pipe_not_read", 0)

    def _run(self) -> None:
        try:
            with suppress(Cancelled, Detached):
                while self._feed_epoch():
                    pass
        except StagingFailure as error:  # nobody feeds the pipe any more: its reader must not wait for ever
            self._is_over = True
            self._end_container(download_failure(error))

    def _feed_epoch(self) -> bool:
        """Feed one pipe to its end; whether there is another."""
        with self._pipe.opened(self._ended) as writer:
            self._writer = writer
            is_whole = self._send(writer)
            self._note("pipe_read" if is_whole else "pipe_closed_early", writer.sent_bytes)
            self._writer = None
            try:
                self._pipe.end_epoch()
            except StagingFailure as error:
                self._note_not_made(error)
                return False
            return True

    def _send(self, writer: PipeWriter) -> bool:
        """Whether the reader took everything. If the stream breaks, the pipe stays open until the container is dead."""
        try:
            with closing(self._stager.read(self._item, self._ended)) as chunks:
                for chunk in chunks:
                    if not writer.write(chunk):
                        return False
        except StagingFailure as error:
            self._end_container(download_failure(error))
        except (Cancelled, Detached):
            raise
        except Exception as error:
            logger.exception("pipe feeder failed")
            self._end_container(internal_failure(f"{type(error).__name__} in the emulator: {error}"))
        else:
            return True
        self._is_over = True
        self._ended.wait()
        raise Cancelled("the stream is broken")

    def _note(self, action: str, sent_bytes: int) -> None:
        pipe = f"{self._item.local_path}_{self._pipe.epoch}"
        self._journal.event(action, input=self._item.name, pipe=pipe, bytes=sent_bytes)

    def _note_not_made(self, error: StagingFailure) -> None:
        """The container may have put something of its own in the pipe's place: no reason to end it."""
        self._is_over = True
        self._journal.problem("pipe_not_made", input=self._item.name, error=str(error))
