"""Lets the SageMaker Python SDK, v2 and v3, look at a job every quarter of a second instead of every 5 to 30 seconds.

The SDK has these times in its code. When one of its modules that wait for jobs is imported, its name `time` gets an
object that behaves like the module `time`, but for the functions listed here: their sleeps are short. A function that
a version of the SDK does not have, or calls otherwise, sleeps as it always did. Nothing is changed but that name, in
those modules.
"""

import sys
import time
from types import ModuleType
from typing import Any

LONGEST_SLEEP_SECONDS = 0.25

_WAITS = frozenset({"_wait_until", "wait", "logs_for_processing_job"})
"""Functions whose sleeps are short."""

_COUNTS_SECONDS = "logs_for_processing_job"
"""Looks at the job when 30 seconds have passed since its last look. For it, the seconds it did not sleep have passed;
the others have timeouts of the user's, and see the real time."""

MODULES = frozenset(
    {
        "sagemaker.session",  # v2
        "sagemaker.core.common_utils",  # v3
        "sagemaker.core.processing",
        "sagemaker.core.resources",
        "sagemaker_core.main.resources",  # the part of v3 that came first
    }
)


class ShortSleeps:
    """The module `time` as the functions of one module see it."""

    def __init__(self) -> None:
        self._skipped_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Sleep shorter in the functions that wait for jobs."""
        function = sys._getframe(1).f_code.co_name  # noqa: SLF001  # the documented way to see the caller
        slept = min(seconds, LONGEST_SLEEP_SECONDS) if function in _WAITS else seconds
        time.sleep(slept)
        if function == _COUNTS_SECONDS:
            self._skipped_seconds += seconds - slept

    def time(self) -> float:
        """The time, and for the function that counts seconds, those that it did not sleep."""
        skipped = self._skipped_seconds if sys._getframe(1).f_code.co_name == _COUNTS_SECONDS else 0.0  # noqa: SLF001
        return time.time() + skipped


def _shorten(module: ModuleType) -> None:
    if getattr(module, "time", None) is time:
        module.time = ShortSleeps()  # type: ignore[attr-defined]


class _Finder:
    """Finds the SDK's modules as Python does, and shortens their sleeps once they are loaded."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """See `importlib.abc.MetaPathFinder`."""
        if name not in MODULES:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None and spec.loader is not None:
                _shorten_after(spec.loader)
                return spec
        return None


def _shorten_after(loader: Any) -> None:
    load = loader.exec_module

    def load_and_shorten(module: ModuleType) -> None:
        load(module)
        _shorten(module)

    loader.exec_module = load_and_shorten


def install() -> None:
    """Shorten the waits of what is imported from now on, and of what is imported already. Again: nothing happens."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in MODULES & set(sys.modules):
        _shorten(sys.modules[name])
