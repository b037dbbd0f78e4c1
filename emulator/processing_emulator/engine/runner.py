"""All the work of one host of a job, on the machine where it runs, as one straight line that can be resumed.

Every step first looks for what an earlier run of the emulator left: a container by its name, an exit in the record.
Facts go to the journal at once. Reports go to the job's supervisor, which answers `start_container` and `stop`.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from processing_emulator.domain import container_contract
from processing_emulator.domain.metric_lines import leaves_metrics
from processing_emulator.domain.outcome import (
    ContainerExit,
    Failure,
    FailureClass,
    InstanceOutcome,
    StopCause,
    failure_reason_of,
)
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import InputMode, UploadMode
from processing_emulator.engine.activity import Activity
from processing_emulator.engine.container_run import ContainerRun
from processing_emulator.engine.container_start import ContainerStart
from processing_emulator.engine.continuous_upload import ContinuousUpload
from processing_emulator.engine.failures import (
    container_failure,
    engine_end_failure,
    internal_failure,
    upload_failure,
)
from processing_emulator.engine.instance import (
    InstanceEnded,
    InstanceFailed,
    InstanceTask,
    ObjectsUploaded,
    RunnerReport,
    RunnerTools,
)
from processing_emulator.engine.log_pump import LogPump
from processing_emulator.engine.metric_files import read_left_metrics
from processing_emulator.engine.pipe_feeder import PipeFeeder
from processing_emulator.engine.retry import Detached
from processing_emulator.engine.run_context import RunContext, RunFailed, failing_as
from processing_emulator.engine.sampler import Sampler
from processing_emulator.engine.transfer_progress import Direction
from processing_emulator.engine.volume_watch import VolumeWatch
from processing_emulator.errors import (
    Cancelled,
    ContainerGone,
    RuntimeFailure,
    StagingFailure,
)
from processing_emulator.log_context import in_log_context, log_fields
from processing_emulator.ports import ContainerState, LocalFile

logger = logging.getLogger(__name__)

MOST_SKIPPED = 100
"""Paths named in the history of those that were not uploaded."""


class InstanceRunner:
    """One host. `report` is called from the runner's own thread."""

    def __init__(self, task: InstanceTask, tools: RunnerTools, report: Callable[[RunnerReport], None]) -> None:
        self._run = RunContext(task, tools, report)
        self._stop_cause: StopCause | None = None
        self._container_run: ContainerRun | None = None
        self._run_lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name=self._run.name, daemon=True)

    # --- what the supervisor says ---

    def start(self) -> None:
        """Begin, or continue what an earlier run of the emulator began."""
        self._thread.start()

    def start_container(self) -> None:
        """All hosts are staged: start the container."""
        self._run.may_start.set()

    def stop(self, cause: StopCause) -> None:
        """End the run: give up staging, or signal the container and kill it after its grace.

        A job that failed uploads its outputs (spec 4), so the failure of another host does not end an upload.
        """
        with self._run_lock:
            self._stop_cause = self._stop_cause or cause
            if cause is not StopCause.PEER_FAILED and not self._run.tools.options.upload_when_stopped:
                self._run.no_upload.set()
            self._run.cancel.set()
            self._run.may_start.set()
            if self._container_run is not None:
                self._container_run.stop()

    def detach(self) -> None:
        """Leave the container running and everything in place; returns when the runner has ended."""
        with self._run_lock:
            self._run.detaching.set()
            self._run.no_upload.set()
            self._run.cancel.set()
            self._run.may_start.set()
            if self._container_run is not None:
                self._container_run.detach()
        self.join()

    def join(self) -> None:
        """Wait until the runner has ended."""
        if self._thread.ident is not None:
            self._thread.join()

    # --- the straight line ---

    def _work(self) -> None:
        task = self._run.task
        with log_fields(job=task.key.name, job_id=task.record.job_id, host=task.record.host):
            self._run_to_the_end()

    def _run_to_the_end(self) -> None:
        try:
            outcome = self._run_instance()
        except Detached:
            return
        except Exception as error:
            logger.exception("runner failed")
            outcome = InstanceOutcome(failure=internal_failure(f"{type(error).__name__} in the emulator: {error}"))
        try:
            if not self._may_be_kept():
                self.clean_up()
        except Detached:
            return
        self._run.report(InstanceEnded(index=self._run.index, outcome=outcome))

    def _run_instance(self) -> InstanceOutcome:
        """What the stored facts say at the end; they are stored before anything is cleaned up."""
        journal = self._run.journal
        if journal.record.failure is None:
            try:
                if journal.record.exit is None:
                    self._run_container()
                if failure_reason_of(self._outcome()) is not None:
                    self._run.report(InstanceFailed(index=self._run.index))
                if journal.record.failure is None:
                    self._stage_out()
            except RunFailed as failed:
                self._note_failure(failed.failure)
            except Cancelled:
                self._note_cancelled()
        return self._outcome()

    def _outcome(self) -> InstanceOutcome:
        record = self._run.journal.record
        return InstanceOutcome(
            exit=record.exit, failure=record.failure, exit_message=record.exit_message, stopped=record.stopped
        )

    def _note_cancelled(self) -> None:
        self._run.check_detached()
        if self._stop_cause is None:
            self._run.journal.save(failure=internal_failure("the run was cancelled without a cause"))
        elif self._run.journal.record.exit is None:
            self._note_stopped()

    def _note_stopped(self) -> None:
        """The emulator cuts the run short, whatever the container answers."""
        self._run.journal.save(stopped=self._stop_cause)

    def _note_failure(self, failure: Failure) -> None:
        """The first one counts: what goes wrong after it may be its consequence."""
        if self._run.journal.record.failure is None:
            self._run.journal.save(failure=failure)

    def _run_container(self) -> None:
        name = self._run.container_name
        with failing_as(container_failure):
            found = self._run.retry(lambda: self._run.tools.runtime.find(name))
        if found is None and self._run.journal.record.container_id is not None:
            raise RunFailed(container_failure(ContainerGone(name)))
        if found is None or found.state is ContainerState.CREATED:
            ContainerStart(self._run).run()
        elif self._run.journal.record.container_id is None:
            self._run.journal.save(container_id=found.id)
        self._follow_container()

    # --- while it runs ---

    def _follow_container(self) -> None:
        container_id = self._run.journal.record.container_id
        if container_id is None:
            raise RunFailed(internal_failure("the runner has no container"))
        limit = self._run.journal.record.limits.volume_bytes
        volume = VolumeWatch(self._run.tools, self._run.workspace, container_id, limit, self._run.name)
        sampler = Sampler(self._run.task, self._run.tools, self._run.journal, volume)
        activities = self._activities(container_id, volume, sampler)
        run = ContainerRun(
            self._run.tools, container_id, activities, self._note_stopped, self._note_failure, self._run.name
        )
        with self._run_lock:
            self._container_run = run
            self._run.check_detached()
            if self._stop_cause is not None:
                run.stop()
        self._run.reach(JobPhase.RUNNING)
        with failing_as(container_failure):
            ended = run.follow()
        if ended is None:
            raise Detached
        if run.grace_seconds is not None:
            signal = self._run.tools.options.stop_signal
            self._run.journal.event("container_signalled", signal=signal, grace_seconds=run.grace_seconds)
        for activity in run.incomplete:
            self._run.journal.problem(f"{activity}_incomplete")
        # A container that fails on a full disk is not to blame; one that succeeds all the same has succeeded.
        failure = run.failure or (volume.shortage if ended.code else None)
        if failure is None and run.was_ended_from_outside:
            failure = engine_end_failure(ended)
        self._note_exit(ended, failure, sampler.memory_high_water_bytes)
        self._publish_left_metrics()

    def _activities(self, container_id: str, volume: VolumeWatch, sampler: Sampler) -> tuple[Activity, ...]:
        """All that runs next to the container."""
        run, tools = self._run, self._run.tools
        activities: list[Activity] = [
            LogPump(tools.runtime, tools.logs, tools.clock, run.journal.record, container_id, run.name),
            volume,
            sampler,
        ]
        if any(output.upload_mode is UploadMode.CONTINUOUS for output in run.task.spec.outputs):
            interval = tools.options.continuous_upload_interval_seconds
            activities.append(
                ContinuousUpload(run.stager, run.journal, tools.clock, interval, self._note_uploaded, run.name)
            )
        if any(item.mode is InputMode.PIPE for item in run.task.spec.inputs):
            activities.append(PipeFeeder(run.stager, run.workspace, run.task.spec, run.journal, run.name))
        return tuple(activities)

    def _note_exit(self, ended: ContainerExit, failure: Failure | None, memory_high_water_bytes: int | None) -> None:
        """Store the exit and what follows from it in one step: a crash between two steps would lose a failure.

        `failure`: why we ended the container; its exit code then says nothing about the user's code.
        """
        self._run.journal.event("container_exited", code=ended.code, out_of_memory=ended.out_of_memory)
        message: str | None = None
        own_exit = ended if failure is None else None
        try:
            message = container_contract.exit_message_of(self._run.workspace.read_message())
        except UnicodeDecodeError as error:
            text = f"/opt/ml/output/message is not UTF-8: {error.reason}"
            failure = failure or Failure(kind=FailureClass.CLIENT, text=text)
        except StagingFailure as error:
            self._run.journal.problem("message_unreadable", error=str(error))
        self._run.journal.save(
            exit=own_exit, exit_message=message, failure=failure, memory_high_water_bytes=memory_high_water_bytes
        )

    # --- after it has run ---

    def _publish_left_metrics(self) -> None:
        """Once: a kill before the end loses them, since data that are put twice would count twice."""
        if not leaves_metrics(self._run.task.spec.environment):
            return
        found = read_left_metrics(self._run.task.folder, self._run.task.key, self._run.tools.clock.now())
        self._run.tools.samples.offer(found.data)
        self._run.tools.samples.flush()
        self._run.journal.event("metrics_published", number=len(found.data))
        if found.refused:
            number, first = len(found.refused), found.refused[0][:300]
            self._run.journal.problem("metrics_refused", number=number, first=first)

    def _stage_out(self) -> None:
        """Upload, also after a failure (spec 4); the container is removed meanwhile, if nobody is to look into it."""
        if self._run.no_upload.is_set():
            self._run.check_detached()
            return
        self._run.reach(JobPhase.STAGING_OUT)
        if self._run.journal.record.staged_out is not None:
            return
        if not self._run.tools.volumes.is_there(self._run.task.folder):
            raise RunFailed(internal_failure("the job's files are gone; the machine may have been restarted"))
        remover = threading.Thread(
            target=in_log_context(self._remove_container_early), name=f"{self._run.name}-remove", daemon=True
        )
        if not self._may_be_kept():
            remover.start()
        try:
            with (
                failing_as(upload_failure),
                self._run.tools.staging.counting_errors(Direction.OUT),
                self._run.progress(Direction.OUT) as progress,
            ):
                self._run.tools.volumes.confirm(self._run.task.folder)
                staged = self._run.stager.stage_out(self._run.no_upload, progress)
        finally:
            if remover.ident is not None:
                remover.join()
        self._note_uploaded(staged.files)
        self._run.tools.staging.add(Direction.OUT, staged.uploaded)
        self._run.journal.save(staged_out=staged.uploaded)
        self._run.journal.event(
            "staged_out",
            objects=staged.uploaded.objects,
            bytes=staged.uploaded.size_bytes,
            seconds=round(staged.uploaded.seconds, 3),
            unchanged=staged.unchanged,
            skipped=list(staged.skipped[:MOST_SKIPPED]),
        )

    def _note_uploaded(self, files: Sequence[LocalFile]) -> None:
        """Let the supervisor compare what the hosts of the job write."""
        if len(self._run.task.hosts) > 1 and files:
            uris = tuple(f"s3://{local.bucket}/{local.key}" for local in files)
            self._run.report(ObjectsUploaded(index=self._run.index, uris=uris))

    def _may_be_kept(self) -> bool:
        """Whether the job, if it fails, leaves this host to be looked into; not one that did its work alone."""
        task = self._run.task
        return task.keeps_failed and (len(task.hosts) > 1 or failure_reason_of(self._outcome()) is not None)

    def clean_up_what_was_to_be_kept(self) -> None:
        """The job has not failed, or nothing of it can be kept. Raises Detached."""
        if self._may_be_kept():
            self.clean_up()

    def clean_up(self) -> None:
        """Remove everything; what cannot be removed now is noted in the history and left to the reaper.

        Raises Detached.
        """
        try:
            self._clean_up()
        except Detached:
            raise
        except Exception:
            logger.exception("clean-up failed")  # the job has ended all the same

    def _clean_up(self) -> None:
        self._remove_container()
        try:
            self._run.tools.volumes.remove(self._run.task.folder)
            self._run.views.remove()
        except StagingFailure as error:
            self._run.journal.problem("clean_up_failed", error=str(error))

    def _remove_container_early(self) -> None:
        """In a thread of its own, next to the upload."""
        with suppress(Detached):  # the thread of the runner notices it as well
            self._remove_container()

    def _remove_container(self) -> None:
        try:
            self._run.remove_container()
        except RuntimeFailure as error:
            self._run.journal.problem("clean_up_failed", error=str(error))
