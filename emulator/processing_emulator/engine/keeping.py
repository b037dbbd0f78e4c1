"""What supervisors need to keep failed jobs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from processing_emulator.domain.kept_job import KeepPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """`on_kept` is called when one more job is kept; it must return at once."""

    policy: KeepPolicy = field(default_factory=KeepPolicy)
    on_kept: Callable[[], None] = lambda: None
