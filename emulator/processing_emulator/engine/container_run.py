"""One running container, followed to its end: its log pumped, its usage sampled, stopped on request with grace."""

import logging
import queue
import threading

from processing_emulator.domain.instances import GIB
from processing_emulator.domain.job import InstanceRecord
from processing_emulator.domain.outcome import ContainerExit, Failure, FailureClass
from processing_emulator.engine.instance import RunnerTools
from processing_emulator.engine.logpump import LogPump
from processing_emulator.engine.retry import Patience
from processing_emulator.engine.sampler import Sampler, SampleSources
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import EmulatorError, RuntimeFailure, RuntimeUnavailable

logger = logging.getLogger(__name__)

LOG_DRAIN_SECONDS = 300.0
KILL_RETRY_SECONDS = 1.0


class ContainerRun:
    """Follows a container that was started, or found running or exited after a restart."""

    def __init__(
        self, tools: RunnerTools, record: InstanceRecord, container_id: str, workspace: Workspace, name: str
    ) -> None:
        self._tools = tools
        self._record = record
        self._container_id = container_id
        self._name = name
        self._mail: queue.SimpleQueue[ContainerExit | EmulatorError | None] = queue.SimpleQueue()
        self._stop_wished = False
        self._detached = threading.Event()
        self._engine_was_away = False
        self._pump = LogPump(tools.runtime, tools.logs, record, container_id, name)
        sources = SampleSources(
            runtime=tools.runtime,
            gpus=tools.gpus,
            workspace=workspace,
            samples=tools.samples,
            clock=tools.clock,
        )
        interval = tools.options.sample_interval_seconds
        self._sampler = Sampler(sources, record, container_id, interval, self._on_volume_full, name)
        self.volume_failure: Failure | None = None
        self.signalled = False
        self.log_complete = True

    def stop(self) -> None:
        """Ask for the stop signal, and for the kill after the grace period."""
        self._stop_wished = True
        self._mail.put(None)

    def detach(self) -> None:
        """Stop following; the container goes on."""
        self._detached.set()
        self._pump.abandon()
        self._mail.put(None)

    def follow(self) -> ContainerExit | None:
        """Block until the container has exited and its log is stored; None when detached.

        Raises RuntimeFailure when the engine cannot say how it ended.
        """
        self._pump.start()
        self._sampler.start()
        try:
            ended = self._await_exit()
            if ended is not None:
                self.log_complete = self._pump.finish(LOG_DRAIN_SECONDS, was_cut=self._engine_was_away)
            return None if self._detached.is_set() else ended
        finally:
            self._sampler.stop()
            self._pump.abandon()

    def _await_exit(self) -> ContainerExit | None:
        threading.Thread(target=self._wait, name=f"{self._name}-wait", daemon=True).start()
        kill_at: float | None = None
        while True:
            timeout = None if kill_at is None else max(0.0, kill_at - self._tools.clock.monotonic())
            try:
                mail = self._mail.get(timeout=timeout)
            except queue.Empty:
                kill_at = self._kill()
                continue
            if self._detached.is_set():
                return None
            if isinstance(mail, ContainerExit):
                return mail
            if isinstance(mail, EmulatorError):
                raise mail
            if self.volume_failure is not None:
                kill_at = self._kill()
            elif self._stop_wished and not self.signalled:
                kill_at = self._signal_stop()

    def _wait(self) -> None:
        """Put the container's exit, or why it will never be known, into the mail."""
        patience = Patience(self._tools.clock, self._detached, self._tools.options.engine_patience_seconds)
        try:
            self._mail.put(patience(self._wait_once))
        except EmulatorError as error:
            self._mail.put(error)

    def _wait_once(self) -> ContainerExit:
        try:
            return self._tools.runtime.wait(self._container_id)
        except RuntimeUnavailable:
            self._engine_was_away = True
            raise

    def _signal_stop(self) -> float:
        """Send the stop signal; when to kill."""
        self.signalled = True
        self._send(self._tools.options.stop_signal)
        return self._tools.clock.monotonic() + self._tools.options.stop_grace_seconds

    def _kill(self) -> float:
        """Kill; when to do it again, should the engine have been away."""
        self._send("SIGKILL")
        return self._tools.clock.monotonic() + KILL_RETRY_SECONDS

    def _send(self, signal: str) -> None:
        try:
            self._tools.runtime.signal(self._container_id, signal)
        except RuntimeFailure as error:
            logger.warning("signal not delivered: %s", error, extra={"action": "signal_failed"})

    def _on_volume_full(self, used_bytes: int) -> None:
        limit = self._record.limits.volume_bytes
        self.volume_failure = Failure(
            kind=FailureClass.CLIENT,
            text=f"Insufficient disk space: the job's files take {used_bytes / GIB:.2f} GiB, "
            f"VolumeSizeInGB is {limit // GIB}",
        )
        self._mail.put(None)
