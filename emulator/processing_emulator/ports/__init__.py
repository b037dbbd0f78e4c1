"""What the core asks of the outside world. Adapters implement these; `tests.fakes` has working fakes of all.

All calls are synchronous and may be made from any thread. Only errors of `processing_emulator.errors` cross a port.
"""

from processing_emulator.ports.containers import (
    BindMount,
    ContainerInfo,
    ContainerRuntime,
    ContainerSpec,
    ContainerState,
    EngineInfo,
    PullPolicy,
)
from processing_emulator.ports.jobs import JobPage, JobPosition, JobQuery, JobStore, SortBy
from processing_emulator.ports.logs import LogActivity, LogStore, LogStream, RawLine, StreamPage, StreamQuery
from processing_emulator.ports.machine import GpuProbe, HostProbe
from processing_emulator.ports.objects import LocalFile, ObjectStore
from processing_emulator.ports.samples import SampleStore, UsagePeaks
from processing_emulator.ports.timing import CancelToken, Clock
from processing_emulator.ports.wakeup import Wakeup

__all__ = [
    "BindMount",
    "CancelToken",
    "Clock",
    "ContainerInfo",
    "ContainerRuntime",
    "ContainerSpec",
    "ContainerState",
    "EngineInfo",
    "GpuProbe",
    "HostProbe",
    "JobPage",
    "JobPosition",
    "JobQuery",
    "JobStore",
    "LocalFile",
    "LogActivity",
    "LogStore",
    "LogStream",
    "ObjectStore",
    "PullPolicy",
    "RawLine",
    "SampleStore",
    "SortBy",
    "StreamPage",
    "StreamQuery",
    "UsagePeaks",
    "Wakeup",
]
