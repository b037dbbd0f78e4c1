"""What the core asks of the outside world. Adapters implement these; `tests.fakes` has working fakes of all.

All calls are synchronous and may be made from any thread. Only errors of `processing_emulator.errors` cross a port.
"""

from processing_emulator.domain.log_events import RawLine
from processing_emulator.ports.alarms import Alarm, AlarmKey, AlarmStore
from processing_emulator.ports.containers import (
    BindMount,
    ContainerInfo,
    ContainerProcess,
    ContainerRuntime,
    ContainerSpec,
    ContainerState,
    Dialogue,
    EngineInfo,
    ImageInfo,
    Mount,
    OverlayMount,
    PullPolicy,
)
from processing_emulator.ports.event_rules import EventRule, EventRuleStore, RuleChange, RuleKey
from processing_emulator.ports.event_senders import DeadLetters, EventMessage, EventSender
from processing_emulator.ports.events import EventFeed, FeedEvent, JobHistory
from processing_emulator.ports.instances import InstanceStore
from processing_emulator.ports.jobs import JobPage, JobPosition, JobQuery, JobReader, JobStore, SortBy
from processing_emulator.ports.kept_jobs import KeptJobStore
from processing_emulator.ports.logs import LogGroup, LogStore, LogStream, OutputBatch, StreamPage, StreamQuery
from processing_emulator.ports.machine import GpuProbe, HostProbe
from processing_emulator.ports.metrics import Bucket, MetricPage, MetricQuery, MetricStore, ValueBucket, Window
from processing_emulator.ports.networks import NetworkAttachment, NetworkInfo, NetworkSpec
from processing_emulator.ports.objects import Changes, LocalFile, ObjectStore, TransferMeter
from processing_emulator.ports.queries import QueryEngine, TableName
from processing_emulator.ports.removal import JobRemoval
from processing_emulator.ports.tags import TagStore
from processing_emulator.ports.timing import CancelToken, Clock
from processing_emulator.ports.volumes import Volumes
from processing_emulator.ports.wakeup import Wakeup

__all__ = [
    "Alarm",
    "AlarmKey",
    "AlarmStore",
    "BindMount",
    "Bucket",
    "CancelToken",
    "Changes",
    "Clock",
    "ContainerInfo",
    "ContainerProcess",
    "ContainerRuntime",
    "ContainerSpec",
    "ContainerState",
    "DeadLetters",
    "Dialogue",
    "EngineInfo",
    "EventFeed",
    "EventMessage",
    "EventRule",
    "EventRuleStore",
    "EventSender",
    "FeedEvent",
    "GpuProbe",
    "HostProbe",
    "ImageInfo",
    "InstanceStore",
    "JobHistory",
    "JobPage",
    "JobPosition",
    "JobQuery",
    "JobReader",
    "JobRemoval",
    "JobStore",
    "KeptJobStore",
    "LocalFile",
    "LogGroup",
    "LogStore",
    "LogStream",
    "MetricPage",
    "MetricQuery",
    "MetricStore",
    "Mount",
    "NetworkAttachment",
    "NetworkInfo",
    "NetworkSpec",
    "ObjectStore",
    "OutputBatch",
    "OverlayMount",
    "PullPolicy",
    "QueryEngine",
    "RawLine",
    "RuleChange",
    "RuleKey",
    "SortBy",
    "StreamPage",
    "StreamQuery",
    "TableName",
    "TagStore",
    "TransferMeter",
    "ValueBucket",
    "Volumes",
    "Wakeup",
    "Window",
]
