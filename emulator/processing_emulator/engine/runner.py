"""All the work of one host of a job, on the machine where it runs, as one straight line that can be resumed.

Every step first looks for what an earlier run of the emulator left: a container by its name, an exit in the record.
Facts go to the journal at once. Reports go to the job's supervisor, which answers `start_container` and `stop`.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from processing_emulator.domain import container_contract
from processing_emulator.domain.metric_lines import METRICS_FOLDER, leaves_metrics
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
from processing_emulator.engine.continuous_upload import ContinuousUpload
from processing_emulator.engine.failures import (
    container_failure,
    download_failure,
    ended_by_engine,
    engine_end_failure,
    internal_failure,
    upload_failure,
)
from processing_emulator.engine.image_resolver import resolve_image
from processing_emulator.engine.input_views import InputViews
from processing_emulator.engine.instance import (
    InstanceEnded,
    InstanceFailed,
    InstanceStaged,
    InstanceTask,
    ObjectsUploaded,
    PhaseReached,
    RunnerReport,
    RunnerTools,
)
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.engine.log_pump import LogPump
from processing_emulator.engine.metric_files import read_left_metrics
from processing_emulator.engine.pipe_feeder import PipeFeeder
from processing_emulator.engine.retry import Detached, EngineRetry
from processing_emulator.engine.sampler import Sampler
from processing_emulator.engine.stager import Stager
from processing_emulator.engine.transfer_progress import Direction, TransferProgress
from processing_emulator.engine.volume_watch import VolumeWatch, naming_full_volume
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import (
    Cancelled,
    ContainerGone,
    ContainerNotStarted,
    EmulatorError,
    ImageNotFound,
    NoFreeSubnet,
    RuntimeFailure,
    RuntimeUnavailable,
    StagingFailure,
)
from processing_emulator.log_context import in_log_context, log_fields
from processing_emulator.ports import ContainerSpec, ContainerState, LocalFile, NetworkAttachment

logger = logging.getLogger(__name__)

NETWORK_RETRY_SECONDS = 1.0

MOST_SKIPPED = 100
"""Paths named in the history of those that were not uploaded."""


class _RunFailed(Exception):
    """Leaves the straight line with a Failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


@contextmanager
def _failing_as(failure_of: Callable[[EmulatorError], Failure]) -> Iterator[None]:
    """Errors of one step become that step's Failure."""
    try:
        yield
    except Cancelled:
        raise
    except EmulatorError as error:
        raise _RunFailed(failure_of(error)) from error


class InstanceRunner:
    """One host. `report` is called from the runner's own thread."""

    def __init__(self, task: InstanceTask, tools: RunnerTools, report: Callable[[RunnerReport], None]) -> None:
        self._task = task
        self._tools = tools
        self._report = report
        self._index = task.record.index
        self._name = f"{task.key.name}/{task.record.host}"
        self._workspace = Workspace(task.folder, elsewhere=task.view_folder)
        self._views = InputViews(self._workspace, task.view_folder, tools.volumes)
        self._stager = Stager(tools, self._workspace, self._views, task)
        self._cancel = threading.Event()
        self._may_start = threading.Event()
        self._detaching = threading.Event()
        self._no_upload = threading.Event()
        self._stop_cause: StopCause | None = None
        self._container_run: ContainerRun | None = None
        self._run_lock = threading.Lock()
        self._journal = Journal(tools.journal, task.record, tools.clock, self._detaching, self._name)
        patience = tools.options.engine_patience_seconds
        self._retry = EngineRetry(tools.clock, self._cancel, patience)
        self._retry_start = EngineRetry(
            tools.clock, self._cancel, patience, ContainerNotStarted, self._note_failed_start
        )
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    # --- what the supervisor says ---

    def start(self) -> None:
        """Begin, or continue what an earlier run of the emulator began."""
        self._thread.start()

    def start_container(self) -> None:
        """All hosts are staged: start the container."""
        self._may_start.set()

    def stop(self, cause: StopCause) -> None:
        """End the run: give up staging, or signal the container and kill it after its grace.

        A job that failed uploads its outputs (spec 4), so the failure of another host does not end an upload.
        """
        with self._run_lock:
            self._stop_cause = self._stop_cause or cause
            if cause is not StopCause.PEER_FAILED and not self._tools.options.upload_when_stopped:
                self._no_upload.set()
            self._cancel.set()
            self._may_start.set()
            if self._container_run is not None:
                self._container_run.stop()

    def detach(self) -> None:
        """Leave the container running and everything in place; returns when the runner has ended."""
        with self._run_lock:
            self._detaching.set()
            self._no_upload.set()
            self._cancel.set()
            self._may_start.set()
            if self._container_run is not None:
                self._container_run.detach()
        self.join()

    def join(self) -> None:
        """Wait until the runner has ended."""
        if self._thread.ident is not None:
            self._thread.join()

    # --- the straight line ---

    def _run(self) -> None:
        with log_fields(job=self._task.key.name, job_id=self._task.record.job_id, host=self._task.record.host):
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
            self._clean_up()
        except Detached:
            return
        except Exception:
            # The job has ended all the same; the reaper tries again.
            logger.exception("clean-up failed")
        self._report(InstanceEnded(index=self._index, outcome=outcome))

    def _run_instance(self) -> InstanceOutcome:
        """What the stored facts say at the end; they are stored before anything is cleaned up."""
        journal = self._journal
        if journal.record.failure is None:
            try:
                if journal.record.exit is None:
                    self._run_container()
                if failure_reason_of(self._outcome()) is not None:
                    self._report(InstanceFailed(index=self._index))
                if journal.record.failure is None:
                    self._stage_out()
            except _RunFailed as failed:
                journal.save(failure=failed.failure)
            except Cancelled:
                self._note_cancelled()
        return self._outcome()

    def _outcome(self) -> InstanceOutcome:
        record = self._journal.record
        return InstanceOutcome(
            exit=record.exit, failure=record.failure, exit_message=record.exit_message, stopped=record.stopped
        )

    def _note_cancelled(self) -> None:
        self._check_detached()
        if self._stop_cause is None:
            self._journal.save(failure=internal_failure("the run was cancelled without a cause"))
        elif self._journal.record.exit is None:
            self._note_stopped()

    def _note_stopped(self) -> None:
        """The emulator cuts the run short, whatever the container answers."""
        self._journal.save(stopped=self._stop_cause)

    def _run_container(self) -> None:
        name = self._task.container_name(self._tools.options.emulator_id)
        with _failing_as(container_failure):
            found = self._retry(lambda: self._tools.runtime.find(name))
        if found is None and self._journal.record.container_id is not None:
            raise _RunFailed(container_failure(ContainerGone(name)))
        if found is None or found.state is ContainerState.CREATED:
            with _failing_as(container_failure):
                self._retry_start(self._start_container)
        elif self._journal.record.container_id is None:
            self._journal.save(container_id=found.id)
        self._follow_container()

    def _start_container(self) -> None:
        """Start a new container in a fresh folder; whatever an earlier attempt left may have run already."""
        self._discard_container()
        image = self._prepare()
        self._report(InstanceStaged(index=self._index))
        self._may_start.wait()
        self._check_cancelled()
        self._reach(JobPhase.STARTING)
        container_id = self._retry(lambda: self._create(image))
        self._journal.save(container_id=container_id)
        self._start_once(container_id)
        self._journal.save(container_started_at=self._tools.clock.now())
        self._journal.event("container_started", container=container_id[:12])

    def _discard_container(self) -> None:
        """Remove what an earlier attempt left; first forget its id, or a crash would make it look as if lost."""
        if self._journal.record.container_id is not None:
            self._journal.save(container_id=None)
        self._retry(self._remove_found)

    def _prepare(self) -> str:
        """Bring the image and the inputs; the id of the image."""
        self._reach(JobPhase.PULLING)
        with _failing_as(container_failure):
            image = self._retry(
                lambda: resolve_image(self._task.spec.image_uri, self._tools, self._journal, self._cancel)
            )
        logger.info(
            "image ready", extra={"image": self._task.spec.image_uri, "image_id": image.removeprefix("sha256:")[:12]}
        )
        self._journal.event("image_ready", id=image)
        self._check_cancelled()
        self._reach(JobPhase.STAGING_IN)
        with _failing_as(download_failure):
            self._lay_out_folders()
            self._choose_views(image)
            with (
                self._tools.staging.counting_errors(Direction.IN),
                self._progress(Direction.IN) as progress,
                naming_full_volume(self._task, self._tools.volumes),
            ):
                staged = self._stager.stage_in(self._cancel, progress)
                self._tools.volumes.hold(self._task.folder, self._views.size_bytes())
            self._tools.volumes.confirm(self._task.folder)
        self._tools.staging.add(Direction.IN, staged.transfer)
        self._journal.save(staged_in=staged.transfer)
        self._journal.event(
            "staged_in",
            objects=staged.transfer.objects,
            bytes=staged.transfer.size_bytes,
            seconds=round(staged.transfer.seconds, 3),
            cached_objects=staged.cached_objects,
            cached_bytes=staged.cached_bytes,
        )
        return image

    def _choose_views(self, image: str) -> None:
        """Let the container see its inputs through overlays, where the cache is used and the machine can do it."""
        folders = [mount.folder for mount in container_contract.mounts_of(self._task.spec) if mount.is_input]
        is_wanted = self._task.use_cache and self._tools.cache.is_on and bool(folders)
        if is_wanted and self._tools.overlays(image, self._views):
            self._views.choose(folders)

    def _lay_out_folders(self) -> None:
        """A fresh volume: config files, and every LocalPath as an empty folder (spec 2.7)."""
        self._tools.volumes.create(self._task.folder, self._task.record.limits.volume_bytes)
        self._views.remove()
        spec, host = self._task.spec, self._task.record.host
        published = [METRICS_FOLDER] if leaves_metrics(spec.environment) else []
        paths = {i.folder for i in spec.inputs} | {o.local_path for o in spec.outputs}
        self._workspace.make_folders(
            ["config", "output", *published, *(container_contract.folder_of(path) for path in sorted(paths))]
        )
        self._workspace.write("config/resourceconfig.json", container_contract.resource_config(self._task.hosts, host))
        self._workspace.write(
            "config/processingjobconfig.json",
            container_contract.processing_job_config(self._task.key, self._task.request),
        )

    def _create(self, image: str) -> str:
        """Create, or adopt what a create whose answer was lost has made."""
        network = self._attach()
        spec = self._task.container_spec(image, network, self._tools.options, self._views)
        found = self._tools.runtime.find(spec.name)
        container_id = found.id if found is not None else self._create_new(spec)
        if network is not None and network.second is not None:
            self._tools.runtime.connect_network(container_id, network.second)
        return container_id

    def _create_new(self, spec: ContainerSpec) -> str:
        try:
            return self._tools.runtime.create(spec)
        except ImageNotFound as error:  # somebody has removed it since it was looked up
            raise ContainerNotStarted(str(error)) from error

    def _attach(self) -> NetworkAttachment | None:
        """The network to join. While the engine has no free subnet the job waits for one, until it is stopped."""
        told = False
        while True:
            try:
                return self._task.attach()
            except NoFreeSubnet as error:
                if not told:
                    self._journal.problem("waiting_for_network", reason=str(error))
                    told = True
                if self._cancel.wait(NETWORK_RETRY_SECONDS):
                    raise Cancelled from None

    def _start_once(self, container_id: str) -> None:
        """Start it. If the engine goes away meanwhile, it must have started, and not have been ended by the engine.

        A container that the engine reports as created may have run all the same, when the engine was killed before it
        noted the start. So it is never started a second time.
        """
        try:
            self._tools.runtime.start(container_id)
        except RuntimeUnavailable as error:
            info = self._retry(lambda: self._tools.runtime.inspect(container_id))
            if info.state is ContainerState.CREATED or (info.exit is not None and ended_by_engine(info.exit)):
                raise ContainerNotStarted(str(error)) from error

    def _note_failed_start(self, error: RuntimeFailure) -> None:
        self._journal.problem("container_not_started", error=str(error))

    # --- while it runs ---

    def _follow_container(self) -> None:
        container_id = self._journal.record.container_id
        if container_id is None:
            raise _RunFailed(internal_failure("the runner has no container"))
        limit = self._journal.record.limits.volume_bytes
        volume = VolumeWatch(self._tools, self._workspace, container_id, limit, self._name)
        sampler = Sampler(self._task, self._tools, self._journal, volume)
        activities = self._activities(container_id, volume, sampler)
        run = ContainerRun(self._tools, container_id, activities, self._note_stopped, self._name)
        with self._run_lock:
            self._container_run = run
            self._check_detached()
            if self._stop_cause is not None:
                run.stop()
        self._reach(JobPhase.RUNNING)
        with _failing_as(container_failure):
            ended = run.follow()
        if ended is None:
            raise Detached
        if run.grace_seconds is not None:
            signal = self._tools.options.stop_signal
            self._journal.event("container_signalled", signal=signal, grace_seconds=run.grace_seconds)
        for activity in run.incomplete:
            self._journal.problem(f"{activity}_incomplete")
        # A container that fails on a full disk is not to blame; one that succeeds all the same has succeeded.
        failure = run.failure or (volume.shortage if ended.code else None)
        if failure is None and run.engine_was_away and ended_by_engine(ended):
            failure = engine_end_failure(ended)
        self._note_exit(ended, failure, sampler.memory_high_water_bytes)
        self._publish_left_metrics()

    def _activities(self, container_id: str, volume: VolumeWatch, sampler: Sampler) -> tuple[Activity, ...]:
        """All that runs next to the container."""
        tools, record = self._tools, self._journal.record
        activities: list[Activity] = [
            LogPump(tools.runtime, tools.logs, tools.clock, record, container_id, self._name),
            volume,
            sampler,
        ]
        if any(output.upload_mode is UploadMode.CONTINUOUS for output in self._task.spec.outputs):
            interval = tools.options.continuous_upload_interval_seconds
            activities.append(
                ContinuousUpload(self._stager, self._journal, tools.clock, interval, self._note_uploaded, self._name)
            )
        if any(item.mode is InputMode.PIPE for item in self._task.spec.inputs):
            activities.append(PipeFeeder(self._stager, self._workspace, self._task.spec, self._journal, self._name))
        return tuple(activities)

    def _note_exit(self, ended: ContainerExit, failure: Failure | None, memory_high_water_bytes: int | None) -> None:
        """Store the exit and what follows from it in one step: a crash between two steps would lose a failure.

        `failure`: why we ended the container; its exit code then says nothing about the user's code.
        """
        self._journal.event("container_exited", code=ended.code, out_of_memory=ended.out_of_memory)
        message: str | None = None
        own_exit = ended if failure is None else None
        try:
            message = container_contract.exit_message_of(self._workspace.read_message())
        except UnicodeDecodeError as error:
            text = f"/opt/ml/output/message is not UTF-8: {error.reason}"
            failure = failure or Failure(kind=FailureClass.CLIENT, text=text)
        except StagingFailure as error:
            self._journal.problem("message_unreadable", error=str(error))
        self._journal.save(
            exit=own_exit, exit_message=message, failure=failure, memory_high_water_bytes=memory_high_water_bytes
        )

    # --- after it has run ---

    def _publish_left_metrics(self) -> None:
        """Once: a kill before the end loses them, since data that are put twice would count twice."""
        if not leaves_metrics(self._task.spec.environment):
            return
        found = read_left_metrics(self._task.folder, self._task.key, self._tools.clock.now())
        self._tools.samples.offer(found.data)
        self._tools.samples.flush()
        self._journal.event("metrics_published", number=len(found.data))
        if found.refused:
            number, first = len(found.refused), found.refused[0][:300]
            self._journal.problem("metrics_refused", number=number, first=first)

    def _stage_out(self) -> None:
        """Upload, also after a failure (spec 4); the container is removed meanwhile."""
        if self._no_upload.is_set():
            self._check_detached()
            return
        self._reach(JobPhase.STAGING_OUT)
        if self._journal.record.staged_out is not None:
            return
        if not self._tools.volumes.is_there(self._task.folder):
            raise _RunFailed(internal_failure("the job's files are gone; the machine may have been restarted"))
        remover = threading.Thread(
            target=in_log_context(self._remove_container_early), name=f"{self._name}-remove", daemon=True
        )
        remover.start()
        try:
            with (
                _failing_as(upload_failure),
                self._tools.staging.counting_errors(Direction.OUT),
                self._progress(Direction.OUT) as progress,
            ):
                self._tools.volumes.confirm(self._task.folder)
                staged = self._stager.stage_out(self._no_upload, progress)
        finally:
            remover.join()
        self._note_uploaded(staged.files)
        self._tools.staging.add(Direction.OUT, staged.uploaded)
        self._journal.save(staged_out=staged.uploaded)
        self._journal.event(
            "staged_out",
            objects=staged.uploaded.objects,
            bytes=staged.uploaded.size_bytes,
            seconds=round(staged.uploaded.seconds, 3),
            unchanged=staged.unchanged,
            skipped=list(staged.skipped[:MOST_SKIPPED]),
        )

    def _note_uploaded(self, files: Sequence[LocalFile]) -> None:
        """Let the supervisor compare what the hosts of the job write."""
        if len(self._task.hosts) > 1 and files:
            uris = tuple(f"s3://{local.bucket}/{local.key}" for local in files)
            self._report(ObjectsUploaded(index=self._index, uris=uris))

    def _clean_up(self) -> None:
        """Remove everything; what cannot be removed now is noted in the history and left to the reaper."""
        self._remove_container()
        try:
            self._tools.volumes.remove(self._task.folder)
            self._views.remove()
        except StagingFailure as error:
            self._journal.problem("clean_up_failed", error=str(error))

    def _remove_container_early(self) -> None:
        """In a thread of its own, next to the upload."""
        with suppress(Detached):  # the thread of the runner notices it as well
            self._remove_container()

    def _remove_found(self) -> None:
        found = self._tools.runtime.find(self._task.container_name(self._tools.options.emulator_id))
        if found is not None:
            self._tools.runtime.remove(found.id)

    def _remove_container(self) -> None:
        try:
            self._remove_found()
        except RuntimeFailure as error:
            self._journal.problem("clean_up_failed", error=str(error))

    # --- small steps ---

    def _progress(self, direction: Direction) -> TransferProgress:
        return TransferProgress(direction, self._journal.progress, self._tools.clock)

    def _check_cancelled(self) -> None:
        if self._cancel.is_set():
            raise Cancelled

    def _check_detached(self) -> None:
        if self._detaching.is_set():
            raise Detached

    def _reach(self, phase: JobPhase) -> None:
        self._check_detached()
        self._report(PhaseReached(index=self._index, phase=phase))
