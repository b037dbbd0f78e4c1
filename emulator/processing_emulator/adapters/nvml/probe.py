"""Finds and measures the NVIDIA GPUs of this machine through NVML. A missing driver or GPU is not an error."""

import ctypes
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from processing_emulator.domain.usage import GpuReading

logger = logging.getLogger(__name__)


_DRIVER = "libnvidia-ml.so.1"
"""The file that pynvml loads, on Linux."""


class NvmlProbe:
    """GpuProbe through NVML, which is loaded on first use; while it is missing, each use tries again.

    A driver that was unloaded and loaded again needs a new session, which the use after a failed one begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: ModuleType | None = None

    def gpu_ids(self) -> tuple[str, ...]:
        """The UUIDs of all GPUs; empty without driver or GPU."""
        pynvml = self._nvml()
        if pynvml is None:
            return ()
        ids: list[str] = []
        for index in range(self._count(pynvml)):
            with _noting(pynvml, f"GPU {index} left out"):
                ids.append(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index)))
        return tuple(ids)

    def read(self, gpu_ids: tuple[str, ...]) -> tuple[GpuReading, ...]:
        """One reading for each GPU that answers; one that has fallen off the bus is left out."""
        pynvml = self._nvml() if gpu_ids else None
        if pynvml is None:
            return ()
        readings: list[GpuReading] = []
        for gpu_id in gpu_ids:
            with _noting(pynvml, f"{gpu_id} left out"):
                readings.append(_read(pynvml, gpu_id))
        if len(readings) < len(gpu_ids):
            self._count(pynvml)  # is it the GPUs, or is the session over?
        return tuple(readings)

    def _nvml(self) -> ModuleType | None:
        """The initialised pynvml; None without a driver, and then this large module is not even imported."""
        with self._lock:
            if self._ready is None and _has_driver():
                import pynvml

                with _noting(pynvml, "no NVIDIA driver"):
                    pynvml.nvmlInit()
                    self._ready = pynvml
            return self._ready

    def _count(self, pynvml: ModuleType) -> int:
        """The number of GPUs. An error of this call ends the session; one bad GPU does not, and the others go on."""
        count: int = 0
        with _noting(pynvml, "GPUs not counted"):
            try:
                count = pynvml.nvmlDeviceGetCount()
            except pynvml.NVMLError:
                self._end_session(pynvml)
                raise
        return count

    def _end_session(self, pynvml: ModuleType) -> None:
        with self._lock, _noting(pynvml, "session not ended"):
            if self._ready is not None:
                self._ready = None
                pynvml.nvmlShutdown()


def _has_driver() -> bool:
    """Whether the driver's library can be loaded."""
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL(_DRIVER)
    except OSError as error:
        logger.debug("no NVIDIA driver", extra={"error": error})
        return False
    return True


def _read(pynvml: ModuleType, gpu_id: str) -> GpuReading:
    handle = pynvml.nvmlDeviceGetHandleByUUID(gpu_id)
    utilization = pynvml.nvmlDeviceGetUtilizationRates(handle)
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2)
    except pynvml.NVMLError_FunctionNotFound:  # drivers before 510 count what the driver reserves as used
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return GpuReading(
        gpu_id=gpu_id,
        utilization_percent=float(utilization.gpu),
        memory_used_bytes=int(memory.used),
        memory_total_bytes=int(memory.total),
    )


@contextmanager
def _noting(pynvml: ModuleType, what: str) -> Iterator[None]:
    """Log errors of NVML: a GPU that does not answer does not fail a job."""
    try:
        yield
    except pynvml.NVMLError as error:
        logger.debug("gpu not available", extra={"reason": what, "error": error})
