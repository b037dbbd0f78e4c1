"""The NVIDIA GPUs of this machine, by the driver's own library. No driver and no GPU are no errors."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pynvml

from emulator.domain.usage import GpuReading

logger = logging.getLogger(__name__)


class NvmlProbe:
    """GpuProbe by NVML, which is loaded on first use, and looked for again as long as it is not there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_ready = False

    def gpu_ids(self) -> tuple[str, ...]:
        """The UUIDs of all GPUs; empty without driver or GPU."""
        if not self._has_nvml():
            return ()
        ids: list[str] = []
        with _noting("GPUs not counted"):
            for index in range(pynvml.nvmlDeviceGetCount()):
                with _noting(f"GPU {index} left out"):
                    ids.append(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index)))
        return tuple(ids)

    def read(self, gpu_ids: tuple[str, ...]) -> tuple[GpuReading, ...]:
        """One reading for each id that answers; a GPU that has fallen off the bus is left out."""
        if not gpu_ids or not self._has_nvml():
            return ()
        readings: list[GpuReading] = []
        for gpu_id in gpu_ids:
            with _noting(f"{gpu_id} left out"):
                readings.append(_read(gpu_id))
        return tuple(readings)

    def _has_nvml(self) -> bool:
        with self._lock:
            if not self._is_ready:
                with _noting("no NVIDIA driver"):
                    pynvml.nvmlInit()
                    self._is_ready = True
            return self._is_ready


def _read(gpu_id: str) -> GpuReading:
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
def _noting(what: str) -> Iterator[None]:
    """A GPU that does not answer is a fact about the host, not a failure of a job."""
    try:
        yield
    except pynvml.NVMLError as error:
        logger.debug("%s: %s", what, error, extra={"action": "gpu_unavailable"})
