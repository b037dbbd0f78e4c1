"""What the core asks of the outside world. Adapters implement these; `emulator.testing` has working fakes of all.

All calls are synchronous and may be made from any thread. Only errors of `emulator.errors` cross a port.
"""

from emulator.ports.containers import (
    BindMount,
    ContainerInfo,
    ContainerRuntime,
    ContainerSpec,
    ContainerState,
    EngineInfo,
    PullPolicy,
)
from emulator.ports.jobs import JobPage, JobPosition, JobQuery, JobStore, SortBy
from emulator.ports.logs import LogActivity, LogStore, LogStream, RawLine, StreamPage, StreamQuery
from emulator.ports.machine import GpuProbe, HostProbe
from emulator.ports.objects import LocalFile, ObjectStore
from emulator.ports.samples import SampleStore, UsagePeaks
from emulator.ports.timing import CancelToken, Clock
from emulator.ports.wakeup import Wakeup

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
