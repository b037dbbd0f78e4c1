"""One running container, followed to its end with the activities next to it, and stopped on request with grace."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from processing_emulator.domain.outcome import ContainerExit, Failure
from processing_emulator.engine.activity import Activity
from processing_emulator.engine.engine_loss import EngineLoss
from processing_emulator.engine.instance import RunnerTools
from processing_emulator.engine.retry import EngineRetry
from processing_emulator.errors import Cancelled, EmulatorError, RuntimeFailure

logger = logging.getLogger(__name__)

KILL_RETRY_SECONDS = 1.0


class ContainerRun:
    """Follows a container that was started, or found running or exited after a restart.

    `before_signal` is called before the stop signal is sent, and `before_kill` with the failure of an activity before
    the container is killed for it, both from the thread that follows.
    After `follow`: `failure` is why an activity ended the container, `incomplete` names the activities that did not
    finish, `grace_seconds` is what it got after the stop signal, if that was sent, and `was_ended_from_outside` says
    whether the engine, or somebody through it, ended the container, maybe while no emulator was running.
    """

    def __init__(
        self,
        tools: RunnerTools,
        container_id: str,
        activities: Sequence[Activity],
        before_signal: Callable[[], None],
        before_kill: Callable[[Failure], None],
        name: str,
    ) -> None:
        self._tools = tools
        self._container_id = container_id
        self._activities = tuple(activities)
        self._before_signal = before_signal
        self._before_kill = before_kill
        self._name = name
        self._inbox: queue.SimpleQueue[ContainerExit | EmulatorError | None] = queue.SimpleQueue()
        self._stop_requested = False
        self._detached = threading.Event()
        self._loss = EngineLoss(tools.clock)
        patience = tools.options.engine_patience_seconds
        self._retry = EngineRetry(tools.clock, self._detached, patience, note=self._loss.note)
        self.failure: Failure | None = None
        self.incomplete: tuple[str, ...] = ()
        self.grace_seconds: float | None = None
        self.was_ended_from_outside = False

    def stop(self) -> None:
        """Ask for the stop signal, and for the kill after the grace period."""
        self._stop_requested = True
        self._inbox.put(None)

    def detach(self) -> None:
        """Stop following; the container keeps running."""
        self._detached.set()
        for activity in self._activities:
            activity.abandon()
        self._inbox.put(None)

    def follow(self) -> ContainerExit | None:
        """Block until the container has exited and all activities are finished; None when detached.

        Raises RuntimeFailure when the engine cannot say how it ended.
        """
        try:
            for activity in self._activities:
                activity.start(self._end_container)
            ended = self._await_exit()
            if ended is not None:
                self.was_ended_from_outside = self._ask_who_ended_it(ended)
                self.incomplete = tuple(
                    activity.name
                    for activity in self._activities
                    if not activity.finish(engine_was_away=self._loss.at is not None)
                )
            return None if self._detached.is_set() else ended
        finally:
            for activity in self._activities:
                activity.abandon()

    def _end_container(self, failure: Failure) -> None:
        self.failure = self.failure or failure
        self._inbox.put(None)

    def _await_exit(self) -> ContainerExit | None:
        threading.Thread(target=self._wait, name=f"{self._name}-wait", daemon=True).start()
        kill_at: float | None = None
        while True:
            timeout = None if kill_at is None else max(0.0, kill_at - self._tools.clock.monotonic())
            try:
                message = self._inbox.get(timeout=timeout)
            except queue.Empty:
                kill_at = self._kill()
                continue
            if self._detached.is_set():
                return None
            if isinstance(message, ContainerExit):
                return message
            if isinstance(message, EmulatorError):
                raise message
            if self.failure is not None:
                self._before_kill(self.failure)
                kill_at = self._kill()
            elif self._stop_requested and self.grace_seconds is None:
                kill_at = self._signal_stop()

    def _wait(self) -> None:
        """Put the container's exit, or why it will never be known, into the inbox."""
        try:
            self._inbox.put(self._retry(lambda: self._tools.runtime.wait(self._container_id), lasts=True))
        except EmulatorError as error:
            self._inbox.put(error)

    def _ask_who_ended_it(self, ended: ContainerExit) -> bool:
        """At once, before the activities finish: an engine that stops is soon gone, and with it what it knows."""
        if ended.code == 0 or ended.out_of_memory or self.failure is not None or self.grace_seconds is not None:
            return False
        runtime, container_id = self._tools.runtime, self._container_id
        with suppress(Cancelled):  # detached
            return self._retry(lambda: runtime.was_ended_from_outside(container_id, engine_lost_at=self._loss.at))
        return False

    def _signal_stop(self) -> float | None:
        """Send the stop signal; when to kill. A container that has exited by itself meanwhile is not stopped."""
        if self._look():
            return None
        self._before_signal()
        self.grace_seconds = self._grace_seconds()
        self._send(self._tools.options.stop_signal)
        return self._tools.clock.monotonic() + self.grace_seconds

    def _grace_seconds(self) -> float:
        """Looked up before the signal, since a handler may be gone after it."""
        options = self._tools.options
        with suppress(RuntimeFailure):  # then it has all its grace
            if self._tools.runtime.handles_signal(self._container_id, options.stop_signal) is False:
                return min(options.stop_grace_seconds, options.unhandled_grace_seconds)
        return options.stop_grace_seconds

    def _kill(self) -> float:
        """Kill, and look whether it has exited, since the answer to `wait` may be late or lost; when to do it again."""
        self._send("SIGKILL")
        self._look()
        return self._tools.clock.monotonic() + KILL_RETRY_SECONDS

    def _look(self) -> bool:
        """Whether it has exited, which then is in the inbox."""
        with suppress(RuntimeFailure):  # then the wait, or the next look, says how it ended
            ended = self._tools.runtime.inspect(self._container_id).exit
            if ended is not None:
                self._inbox.put(ended)
                return True
        return False

    def _send(self, signal: str) -> None:
        try:
            self._tools.runtime.signal(self._container_id, signal)
        except RuntimeFailure as error:
            logger.warning("signal not delivered", extra={"signal": signal, "error": str(error)})
