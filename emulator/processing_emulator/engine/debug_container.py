"""A container to look into a failed host: its file system as it was, its folders, environment, user and network.

The host's own container has exited and cannot run anything else. So an image is made of what it has written, and a
second container of that image sees the first one's folders and volumes.
"""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from processing_emulator.domain.job import JobId
from processing_emulator.engine.backend import DebugContainer, DebugRequest
from processing_emulator.engine.instance import LABEL_JOB_ID, InstanceTask, RunnerTools
from processing_emulator.errors import JobNotKept, RuntimeFailure
from processing_emulator.ports import ContainerInfo, ContainerRuntime, ContainerState

logger = logging.getLogger(__name__)

SHELLS = ("/bin/bash", "/bin/sh")
"""The first that the image has is used."""

LONGEST_HOLD = timedelta(hours=12)
"""A session that has been there for longer keeps its job no more: nobody may be left who looks."""

_LABEL_SESSION = "processing-emulator.debug"
_LABEL_OPENED = "processing-emulator.debug-opened"


def has_kept(runtime: ContainerRuntime, job_id: JobId) -> bool:
    """Whether a container of the job is there; none runs afterwards. An engine that fails has kept nothing."""
    try:
        found = [info for info in runtime.list_ours() if info.labels.get(LABEL_JOB_ID) == str(job_id)]
        for info in found:
            if info.state is ContainerState.RUNNING:  # what followed it failed, so that its end was not seen
                runtime.signal(info.id, "SIGKILL")
    except RuntimeFailure as error:
        logger.warning("job not kept", extra={"job_id": job_id, "error": str(error)})
        return False
    return bool(found)


def has_sessions(runtime: ContainerRuntime, job_id: JobId) -> bool:
    """Whether somebody looks into the job, or is about to. Raises RuntimeFailure."""
    return any(
        info.labels.get(LABEL_JOB_ID) == str(job_id) and _LABEL_SESSION in info.labels for info in runtime.list_ours()
    )


def looked_into(runtime: ContainerRuntime, now: datetime) -> AbstractSet[JobId]:
    """See `ExecutionBackend.looked_into`."""
    return {
        JobId(int(info.labels[LABEL_JOB_ID]))
        for info in runtime.list_ours()
        if info.state is ContainerState.RUNNING
        and _LABEL_OPENED in info.labels
        and now - datetime.fromisoformat(info.labels[_LABEL_OPENED]) < LONGEST_HOLD
    }


def open_debug(tools: RunnerTools, task: InstanceTask, request: DebugRequest) -> DebugContainer:
    """See `ExecutionBackend.open_debug`. One that fails half way is for the caller to close."""
    kept = find_kept(tools, task)
    command = request.command or (_shell(tools.runtime, kept),)
    name = _session_name(tools, task, request.session)
    if tools.runtime.find(name) is None:
        _create(tools, task, kept, replace(request, command=command))
    return DebugContainer(name=name, command=command, job_process=kept.process)


def find_kept(tools: RunnerTools, task: InstanceTask) -> ContainerInfo:
    """The container of a host that can be looked into. Raises JobNotKept, RuntimeFailure."""
    host = task.record.host
    kept = tools.runtime.find(task.container_name(tools.options.emulator_id))
    if kept is None:
        raise JobNotKept(f"The container of {host} is not there: it was never started, or somebody has removed it.")
    if kept.state is ContainerState.RUNNING:
        raise JobNotKept(f"The container of {host} runs; only one that has ended can be looked into.")
    if not tools.volumes.is_there(task.folder):
        raise JobNotKept(f"The files of {host} are gone; the machine may have been restarted.")
    return kept


def _shell(runtime: ContainerRuntime, kept: ContainerInfo) -> str:
    for shell in SHELLS:
        if runtime.has_file(kept.id, shell):
            return shell
    raise JobNotKept(
        f"The image has no shell ({' or '.join(SHELLS)}). Run one of its programs: "
        "processing-emulator debug JOB -- PROGRAM"
    )


def _create(tools: RunnerTools, task: InstanceTask, kept: ContainerInfo, request: DebugRequest) -> None:
    """GPUs are not given: another job may have them by now."""
    runtime = tools.runtime
    image = runtime.snapshot(kept.id, _snapshot_name(task))
    network = task.attach()
    own = task.container_spec(image, network, tools.options, mounts=())
    spec = replace(
        own,
        name=_session_name(tools, task, request.session),
        entrypoint=request.command,
        arguments=None,
        labels={**own.labels, _LABEL_SESSION: request.session, _LABEL_OPENED: tools.clock.now().isoformat()},
        limits=replace(own.limits, gpu_ids=()),
        volumes_from=kept.id,
        dialogue=request.dialogue,
    )
    container_id = runtime.create(spec)
    if network is not None and network.second is not None:
        runtime.connect_network(container_id, network.second)


def close_debug(tools: RunnerTools, task: InstanceTask, session: str) -> None:
    """See `ExecutionBackend.close_debug`. The image goes with the last one who looks."""
    found = tools.runtime.find(_session_name(tools, task, session))
    if found is not None:
        tools.runtime.remove(found.id)
    try:
        tools.runtime.remove_snapshot(_snapshot_name(task))
    except RuntimeFailure as error:  # another session may use it; the reaper removes it in the end
        logger.debug("snapshot not removed", extra={"error": str(error)})


def _session_name(tools: RunnerTools, task: InstanceTask, session: str) -> str:
    return f"{task.container_name(tools.options.emulator_id)}-debug-{session}"


def _snapshot_name(task: InstanceTask) -> str:
    return f"{task.record.job_id}-{task.record.host}"


def job_of_snapshot(name: str) -> JobId | None:
    """The job that a snapshot was made for; None for a name that is not ours."""
    number = name.partition("-")[0]
    return JobId(int(number)) if number.isdecimal() else None
