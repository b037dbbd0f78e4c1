"""The containers of the simulated engine. They live in this process, and end with it."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from processing_emulator.adapters.simulated_runtime.course import Course, course_of
from processing_emulator.domain.log_events import RawLine
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.ports import ContainerInfo, ContainerSpec, ContainerState

KILLED = 137


@dataclass(slots=True, kw_only=True, eq=False)
class SimulatedContainer:
    """One container. `changed` guards its state and is notified of every change."""

    id: str
    spec: ContainerSpec
    changed: threading.Condition
    state: ContainerState = ContainerState.CREATED
    exit: ContainerExit | None = None
    is_closed: bool = False
    lines: list[RawLine] = field(default_factory=list)

    def info(self) -> ContainerInfo:
        """As the engine reports it."""
        return ContainerInfo(id=self.id, name=self.spec.name, state=self.state, labels=self.spec.labels, exit=self.exit)

    def start(self) -> None:
        """Begin the course in a thread of its own. Raises StartRejected."""
        course = course_of(self.spec)
        with self.changed:
            if self.state is not ContainerState.CREATED:
                return
            self.state = ContainerState.RUNNING
        threading.Thread(target=self._run, args=(course,), name=f"simulated-{self.spec.name}", daemon=True).start()

    def end(self, code: int) -> None:
        """Let it exit, if it runs."""
        with self.changed:
            if self.state is ContainerState.RUNNING:
                self.state, self.exit = ContainerState.EXITED, ContainerExit(code=code)
                self.changed.notify_all()

    def close(self) -> None:
        """The engine goes away: nobody learns how it ends."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def wait(self) -> ContainerExit:
        """Block until it has exited. Raises RuntimeUnavailable."""
        with self.changed:
            self.changed.wait_for(lambda: self.exit is not None or self.is_closed)
            if self.exit is None:
                raise RuntimeUnavailable("The simulated containers have ended with the server.")
            return self.exit

    def log(self, since_ns: int) -> Iterator[Sequence[RawLine]]:
        """Batches of lines, until it has exited."""
        position = 0
        while True:
            with self.changed:
                while len(self.lines) == position and not self._is_over:
                    self.changed.wait()
                lines, is_over = self.lines[position:], self._is_over
            position += len(lines)
            if batch := [line for line in lines if line.at_ns >= since_ns]:
                yield batch
            if is_over:
                return

    @property
    def _is_over(self) -> bool:
        return self.exit is not None or self.is_closed

    def _run(self, course: Course) -> None:
        ends_at = time.monotonic() + course.seconds
        for line in course.lines:
            self._print(line)
        with self.changed:
            if self.changed.wait_for(lambda: self._is_over, ends_at - time.monotonic()):
                return
        try:
            for path, text in course.files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            self._print(f"simulated: {error.filename}: {error.strerror}")
            self.end(1)
        else:
            self.end(course.exit_code)

    def _print(self, line: str) -> None:
        with self.changed:
            newest = self.lines[-1].at_ns if self.lines else 0
            self.lines.append(RawLine(at_ns=max(time.time_ns(), newest + 1), data=line.encode()))
            self.changed.notify_all()
