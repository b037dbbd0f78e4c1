"""What the steps of one host share: its task and tools, its journal and folders, and what it was told meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from processing_emulator.domain.outcome import Failure
from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.input_views import InputViews
from processing_emulator.engine.instance import InstanceTask, PhaseReached, RunnerReport, RunnerTools
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.engine.retry import Detached, EngineRetry
from processing_emulator.engine.stager import Stager
from processing_emulator.engine.transfer_progress import Direction, TransferProgress
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import Cancelled, EmulatorError


class RunFailed(Exception):
    """Leaves the straight line with a Failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


@contextmanager
def failing_as(failure_of: Callable[[EmulatorError], Failure]) -> Iterator[None]:
    """Errors of one step become that step's Failure. Raises RunFailed, Cancelled."""
    try:
        yield
    except Cancelled:
        raise
    except EmulatorError as error:
        raise RunFailed(failure_of(error)) from error


class RunContext:
    """One host's. `cancel` gives up staging and waiting, `no_upload` uploads too; with `detaching` the server stops."""

    def __init__(self, task: InstanceTask, tools: RunnerTools, report: Callable[[RunnerReport], None]) -> None:
        self.task = task
        self.tools = tools
        self.report = report
        self.index = task.record.index
        self.name = f"{task.key.name}/{task.record.host}"
        self.workspace = Workspace(task.folder, elsewhere=task.view_folder)
        self.views = InputViews(self.workspace, task.view_folder, tools.volumes)
        self.stager = Stager(tools, self.workspace, self.views, task)
        self.cancel = threading.Event()
        self.may_start = threading.Event()
        self.detaching = threading.Event()
        self.no_upload = threading.Event()
        self.journal = Journal(tools.journal, task.record, tools.clock, self.detaching, self.name)
        self.retry = EngineRetry(tools.clock, self.cancel, tools.options.engine_patience_seconds)

    @property
    def container_name(self) -> str:
        """The same in every run of the emulator."""
        return self.task.container_name(self.tools.options.emulator_id)

    def remove_container(self) -> None:
        """Remove the container if there is one. Raises RuntimeFailure."""
        found = self.tools.runtime.find(self.container_name)
        if found is not None:
            self.tools.runtime.remove(found.id)

    def reach(self, phase: JobPhase) -> None:
        """Report a phase. Raises Detached."""
        self.check_detached()
        self.report(PhaseReached(index=self.index, phase=phase))

    def check_cancelled(self) -> None:
        """Raises Cancelled."""
        if self.cancel.is_set():
            raise Cancelled

    def check_detached(self) -> None:
        """Raises Detached."""
        if self.detaching.is_set():
            raise Detached

    def progress(self, direction: Direction) -> TransferProgress:
        """What writes to the history how far a transfer is."""
        return TransferProgress(direction, self.journal.progress, self.tools.clock)
