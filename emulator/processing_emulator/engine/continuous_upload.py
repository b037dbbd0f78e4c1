"""Uploads Continuous outputs while the container runs (spec 4).

The output folders are scanned at an interval; a file is uploaded when two scans have found the same version of it, and
again when it has changed. The state that counts is in the S3 store: what it has already is not sent again, neither by
a scan after a restart of the emulator nor by `Stager.stage_out`, the final pass that makes the prefix complete. Objects
of files that are deleted meanwhile stay.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from processing_emulator.domain.job import Transfer
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.engine.retry import Detached
from processing_emulator.engine.stager import Stager
from processing_emulator.engine.transfer_progress import Direction, TransferProgress
from processing_emulator.errors import Cancelled, StagingFailure
from processing_emulator.log_context import in_log_context
from processing_emulator.ports import Clock, LocalFile

SCAN_SHARE = 0.1
"""Looking through the folders may take this share of the time, no more: large trees are scanned less often."""

TROUBLE_FACTOR = 5
"""How many times longer the pause is while files cannot be uploaded: each attempt reads them."""


class ContinuousUpload:
    """The outputs of one instance; an Activity.

    Trouble does not end the job: the next scan tries again, and the final pass says what is wrong. `uploaded` is called
    with the files whose content the store has.
    """

    name = "continuous_upload"

    def __init__(
        self,
        stager: Stager,
        journal: Journal,
        clock: Clock,
        interval_seconds: float,
        uploaded: Callable[[Sequence[LocalFile]], None],
        name: str,
    ) -> None:
        self._stager = stager
        self._journal = journal
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._report_uploaded = uploaded
        self._seen: set[LocalFile] = set()
        self._stored: set[LocalFile] = set()
        self._left_out: set[LocalFile] = set()
        self._total = Transfer(objects=0, size_bytes=0, seconds=0.0)
        self._is_in_trouble = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=in_log_context(self._run), name=f"{name}-uploads", daemon=True)

    def start(self, _end_container: EndContainer) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, *, engine_was_away: bool) -> bool:  # noqa: ARG002  # the engine has no part in it
        """End; an upload that runs is cancelled. The final pass does what is missing."""
        self.abandon()
        if self._total.objects:
            self._note_total()
        return True

    def abandon(self) -> None:
        """End; returns when nothing runs any more."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = self._interval_seconds
        with suppress(Cancelled, Detached):
            while not self._ended.wait(pause):
                pause = self._look()

    def _look(self) -> float:
        """Scan and upload once; the pause until the next time."""
        began = self._clock.monotonic()
        spent = 0.0
        try:
            files = self._stager.find_continuous(self._ended)
            spent = self._clock.monotonic() - began
            self._upload(self._settled(files))
        except StagingFailure as error:
            self._note_trouble(error)
        pause = max(self._interval_seconds, spent / SCAN_SHARE)
        return pause * TROUBLE_FACTOR if self._is_in_trouble else pause

    def _settled(self, files: Sequence[LocalFile]) -> list[LocalFile]:
        """Those that were the same in the last scan, and are not in the store yet."""
        settled = [local for local in files if local in self._seen and local not in self._stored]
        self._seen = set(files)
        self._stored &= self._seen
        return settled

    def _upload(self, files: Sequence[LocalFile]) -> None:
        if not files:
            return
        with TransferProgress(Direction.CONTINUOUS, self._journal.progress, self._clock) as progress:
            progress.expect(objects=len(files), size_bytes=sum(local.version.size_bytes for local in files))
            changes = self._stager.upload_changes(files, self._ended, progress)
        stored = [local for local in files if local not in changes.left_out]
        self._stored.update(stored)
        self._add(changes.uploaded)
        self._note_left_out(changes.left_out)
        self._report_uploaded(stored)

    def _note_left_out(self, left_out: Mapping[LocalFile, StagingFailure]) -> None:
        """A file that changed meanwhile is uploaded later; one that is the same and left out again is trouble."""
        again = [error for local, error in left_out.items() if local in self._left_out]
        self._left_out = set(left_out)
        if again:
            self._note_trouble(again[0])
        elif not left_out:
            self._is_in_trouble = False

    def _add(self, uploaded: Transfer) -> None:
        is_first = not self._total.objects
        self._total = Transfer(
            objects=self._total.objects + uploaded.objects,
            size_bytes=self._total.size_bytes + uploaded.size_bytes,
            seconds=self._total.seconds + uploaded.seconds,
        )
        if is_first and uploaded.objects:
            self._note_total()

    def _note_total(self) -> None:
        """In the history after the first upload, and at the end."""
        total = self._total
        self._journal.event(
            "uploaded_continuously",
            objects=total.objects,
            bytes=total.size_bytes,
            seconds=round(total.seconds, 3),
        )

    def _note_trouble(self, error: StagingFailure) -> None:
        """Once, until an upload succeeds again."""
        if not self._is_in_trouble:
            self._is_in_trouble = True
            self._journal.problem("continuous_upload_delayed", error=str(error))
