"""The way to a running container: image, volume, folders, inputs, network, container. Each attempt starts over."""

from datetime import datetime

from processing_emulator.domain import container_contract
from processing_emulator.domain.metric_lines import METRICS_FOLDER, leaves_metrics
from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.failures import container_failure, download_failure
from processing_emulator.engine.image_resolver import resolve_image
from processing_emulator.engine.instance import InstanceStaged
from processing_emulator.engine.retry import EngineRetry
from processing_emulator.engine.run_context import RunContext, failing_as
from processing_emulator.engine.transfer_progress import Direction
from processing_emulator.engine.volume_watch import naming_full_volume
from processing_emulator.errors import (
    Cancelled,
    ContainerNotStarted,
    ImageNotFound,
    NoFreeSubnet,
    RuntimeFailure,
    RuntimeUnavailable,
)
from processing_emulator.ports import ContainerSpec, ContainerState, ImageInfo, NetworkAttachment

NETWORK_RETRY_SECONDS = 1.0


class ContainerStart:
    """Of one host. Waits for `may_start` between staging and start, which the supervisor sets once all are staged."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        patience = run.tools.options.engine_patience_seconds
        self._retry = EngineRetry(run.tools.clock, run.cancel, patience, ContainerNotStarted, self._note_failed_start)

    def run(self) -> None:
        """Until a container runs. Raises RunFailed, Cancelled, Detached."""
        with failing_as(container_failure):
            self._retry(self._attempt)

    def _attempt(self) -> None:
        """A new container in a fresh folder with its data: what an earlier attempt left may have run already."""
        self._discard_container()
        image = self._prepare()
        self._run.report(InstanceStaged(index=self._run.index))
        self._run.may_start.wait()
        self._run.check_cancelled()
        self._run.reach(JobPhase.STARTING)
        container_id = self._run.retry(lambda: self._create(image))
        self._run.journal.save(container_id=container_id)
        self._start_once(container_id)
        self._run.journal.save(container_started_at=self._run.tools.clock.now())
        self._run.journal.event("container_started", container=container_id[:12])

    def _discard_container(self) -> None:
        """Remove what an earlier attempt left; first forget its id, or a crash would make it look as if lost."""
        if self._run.journal.record.container_id is not None:
            self._run.journal.save(container_id=None)
        self._run.retry(self._run.remove_container)

    def _prepare(self) -> ImageInfo:
        """Bring the image and the inputs."""
        tools, image_uri = self._run.tools, self._run.task.spec.image_uri
        self._run.reach(JobPhase.PULLING)
        with failing_as(container_failure):
            image = self._run.retry(lambda: resolve_image(image_uri, tools, self._run.journal, self._run.cancel))
        self._run.journal.event(
            "image_ready", image=image_uri, id=image.id, platform=image.platform, digests=list(image.digests)
        )
        self._run.check_cancelled()
        self._run.reach(JobPhase.STAGING_IN)
        with failing_as(download_failure):
            self._lay_out_folders()
            self._choose_views(image.id)
            with (
                tools.staging.counting_errors(Direction.IN),
                self._run.progress(Direction.IN) as progress,
                naming_full_volume(self._run.task, tools.volumes),
            ):
                staged = self._run.stager.stage_in(self._run.cancel, progress)
                tools.volumes.hold(self._run.task.folder, self._run.views.size_bytes())
            tools.volumes.confirm(self._run.task.folder)
        tools.staging.add(Direction.IN, staged.transfer)
        self._run.journal.save(staged_in=staged.transfer)
        self._run.journal.event(
            "staged_in",
            objects=staged.transfer.objects,
            bytes=staged.transfer.size_bytes,
            seconds=round(staged.transfer.seconds, 3),
            cached_objects=staged.cached_objects,
            cached_bytes=staged.cached_bytes,
        )
        return image

    def _choose_views(self, image_id: str) -> None:
        """Let the container see its inputs through overlays, where the cache is used and the machine can do it."""
        folders = [mount.folder for mount in container_contract.mounts_of(self._run.task.spec) if mount.is_input]
        is_wanted = self._run.task.use_cache and self._run.tools.cache.is_on and bool(folders)
        if is_wanted and self._run.tools.overlays(image_id, self._run.views):
            self._run.views.choose(folders)

    def _lay_out_folders(self) -> None:
        """A fresh volume: config files, and every LocalPath as an empty folder (spec 2.7)."""
        task, workspace = self._run.task, self._run.workspace
        self._run.tools.volumes.create(task.folder, task.record.limits.volume_bytes)
        self._run.views.remove()
        published = [METRICS_FOLDER] if leaves_metrics(task.spec.environment) else []
        paths = {i.folder for i in task.spec.inputs} | {o.local_path for o in task.spec.outputs}
        workspace.make_folders(
            ["config", "output", *published, *(container_contract.folder_of(path) for path in sorted(paths))]
        )
        resources = container_contract.resource_config(task.hosts, task.record.host)
        workspace.write("config/resourceconfig.json", resources)
        job = container_contract.processing_job_config(task.key, task.request)
        workspace.write("config/processingjobconfig.json", job)

    def _create(self, image: ImageInfo) -> str:
        """Create, or adopt what a create whose answer was lost has made."""
        network = self._attach()
        mounts = tuple(map(self._run.views.mount, container_contract.mounts_of(self._run.task.spec)))
        spec = self._run.task.container_spec(image, network, self._run.tools.options, mounts)
        found = self._run.tools.runtime.find(spec.name)
        container_id = found.id if found is not None else self._create_new(spec)
        if network is not None and network.second is not None:
            self._run.tools.runtime.connect_network(container_id, network.second)
        return container_id

    def _create_new(self, spec: ContainerSpec) -> str:
        try:
            return self._run.tools.runtime.create(spec)
        except ImageNotFound as error:  # somebody has removed it since it was looked up
            raise ContainerNotStarted(str(error)) from error

    def _attach(self) -> NetworkAttachment | None:
        """The network to join. While the engine has no free subnet the job waits for one, until it is stopped."""
        told = False
        while True:
            try:
                return self._run.task.attach()
            except NoFreeSubnet as error:
                if not told:
                    self._run.journal.problem("waiting_for_network", reason=str(error))
                    told = True
                if self._run.cancel.wait(NETWORK_RETRY_SECONDS):
                    raise Cancelled from None

    def _start_once(self, container_id: str) -> None:
        """Start it. If the engine goes away meanwhile, it must have started, and not have been ended by the engine.

        A container that the engine reports as created may have run all the same, when the engine was killed before it
        noted the start. So it is never started a second time.
        """
        try:
            self._run.tools.runtime.start(container_id)
        except RuntimeUnavailable as error:
            lost_at = self._run.tools.clock.now()
            if self._run.retry(lambda: self._was_cut_off(container_id, lost_at)):
                raise ContainerNotStarted(str(error)) from error

    def _was_cut_off(self, container_id: str, lost_at: datetime) -> bool:
        """Whether the engine, which went away during the start, has not finished it, or has ended the container."""
        runtime = self._run.tools.runtime
        info = runtime.inspect(container_id)
        if info.exit is None or info.exit.code == 0 or info.exit.out_of_memory:
            return info.state is ContainerState.CREATED
        return runtime.was_ended_from_outside(container_id, engine_lost_at=lost_at)

    def _note_failed_start(self, error: RuntimeFailure) -> None:
        self._run.journal.problem("container_not_started", error=str(error))
