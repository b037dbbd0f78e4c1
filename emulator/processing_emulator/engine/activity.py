"""Work that runs next to a container: log pump, sampler, and whatever else a job's inputs and outputs need.

The runner makes the list of activities, `ContainerRun` drives it. An activity that finds a reason to end the container
(a volume that is full, an input stream that broke) passes a Failure to the `end_container` that it was started with.
"""

from collections.abc import Callable
from typing import Protocol

from processing_emulator.domain.outcome import Failure

EndContainer = Callable[[Failure], None]
"""Kills the container; the first Failure becomes the instance's. Returns at once; may be called from any thread."""


class Activity(Protocol):
    """Runs from just after the start of a container, or from its re-discovery after a restart, until after its exit.

    Call order: `start`, then `finish` if the container has exited, then `abandon`. `abandon` may also come first, or
    while `finish` blocks in another thread.
    """

    @property
    def name(self) -> str:
        """A word for the job's history: an activity that did not finish leaves the event `<name>_incomplete`."""
        ...

    def start(self, end_container: EndContainer) -> None:
        """Begin; returns at once."""
        ...

    def finish(self, *, engine_was_away: bool) -> bool:
        """The container has exited: complete the work, within a time limit. False if something is missing.

        `engine_was_away`: calls to the engine failed while the container ran, so a stream that ended may be cut short.
        """
        ...

    def abandon(self) -> None:
        """Stop at once and leave everything so that the next run of the emulator can continue. Idempotent."""
        ...
