"""Stages the inputs and outputs of one instance between the object store and its folder (spec 3.1, 3.4 and 4)."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

from processing_emulator.domain.container_contract import folder_of
from processing_emulator.domain.datasets import DatasetQuery
from processing_emulator.domain.instance_types import GIB
from processing_emulator.domain.job import Transfer
from processing_emulator.domain.manifest import MANIFEST_LIMIT_BYTES, parse_manifest
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.sharding import share_of
from processing_emulator.domain.spec import (
    Compression,
    InputMode,
    JobInput,
    JobOutput,
    S3Manifest,
    S3Prefix,
    Source,
    UploadMode,
)
from processing_emulator.domain.staging import DownloadPlan, output_key, plan_download, plan_paths
from processing_emulator.engine.cached_downloads import CachedDownloads, Staged
from processing_emulator.engine.gzip_stream import gunzipped
from processing_emulator.engine.input_views import InputViews
from processing_emulator.engine.instance import InstanceTask, RunnerTools
from processing_emulator.engine.named_pipe import named_pipes
from processing_emulator.engine.transfer_progress import TransferProgress
from processing_emulator.engine.workspace import FoundFile, Workspace
from processing_emulator.errors import DiskFull, ObjectStoreRefused, StagingFailure, UnsafePath
from processing_emulator.ports import CancelToken, Changes, LocalFile


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedOut:
    """All files, how much of that was sent, and how many the store had already (Continuous).

    `skipped`: the paths in the container of what is no regular file.
    """

    files: tuple[LocalFile, ...]
    uploaded: Transfer
    unchanged: int
    skipped: tuple[str, ...]


class Stager:
    """Stages in and out, within the volume the job asked for.

    The task holds the instance's index and the hosts of the job, which decide the share of a sharded input.
    """

    def __init__(self, tools: RunnerTools, workspace: Workspace, views: InputViews, task: InstanceTask) -> None:
        self._objects = tools.objects
        self._queries = tools.queries
        self._downloads = CachedDownloads(tools.objects, tools.cache, tools.clock, is_wanted=task.use_cache)
        self._workspace = workspace
        self._views = views
        self._task = task

    def stage_in(self, cancel: CancelToken, progress: TransferProgress) -> Staged:
        """Stage all inputs in the order of the request; of those in Pipe mode, make the pipes.

        Raises StagingFailure, Cancelled.
        """
        all_plans = [(item, self._plan(item, cancel)) for item in self._task.spec.inputs]
        plans = [(item, plan) for item, plan in all_plans if item.mode is InputMode.FILE]
        self._check_volume("inputs take", sum(plan.size_bytes for _, plan in plans))
        progress.expect(
            objects=sum(len(plan.files) for _, plan in plans), size_bytes=sum(plan.size_bytes for _, plan in plans)
        )
        done = [self._download(item, plan, cancel, progress) for item, plan in plans]
        for _, pipe in named_pipes(self._task.spec, self._workspace.root):
            pipe.make()
        return Staged(
            transfer=_sum([staged.transfer for staged in done]),
            cached_objects=sum(staged.cached_objects for staged in done),
            cached_bytes=sum(staged.cached_bytes for staged in done),
        )

    def stage_out(self, cancel: CancelToken, progress: TransferProgress) -> StagedOut:
        """Upload all outputs in the order of the request. Raises StagingFailure, Cancelled."""
        scans = [(item, self._workspace.scan(folder_of(item.local_path), cancel)) for item in self._task.spec.outputs]
        sizes = [found.version.size_bytes for _, scan in scans for found in scan.files]
        self._check_volume("outputs have", sum(sizes))
        progress.expect(objects=len(sizes), size_bytes=sum(sizes))
        local = [(item, [self._local_file(item, found) for found in scan.files]) for item, scan in scans]
        done = [self._upload(item, files, cancel, progress) for item, files in local]
        return StagedOut(
            files=tuple(each for _, files in local for each in files),
            uploaded=_sum([changes.uploaded for changes in done]),
            unchanged=sum(changes.unchanged for changes in done),
            skipped=tuple(f"{item.local_path}/{path}" for item, scan in scans for path in scan.skipped),
        )

    def _upload(
        self, item: JobOutput, files: Sequence[LocalFile], cancel: CancelToken, progress: TransferProgress
    ) -> Changes:
        if item.upload_mode is UploadMode.END_OF_JOB:
            return Changes(uploaded=self._objects.upload(files, cancel, progress), unchanged=0, left_out={})
        changes = self.upload_changes(files, cancel, progress)
        for error in changes.left_out.values():
            raise error
        return changes

    def find_continuous(self, cancel: CancelToken) -> Sequence[LocalFile]:
        """The files of Continuous outputs as they are now. What can never be an object is left to `stage_out`.

        Raises StagingFailure, Cancelled.
        """
        found: list[LocalFile] = []
        for item in self._task.spec.outputs:
            if item.upload_mode is UploadMode.CONTINUOUS:
                for file in self._workspace.scan(folder_of(item.local_path), cancel).files:
                    with suppress(UnsafePath):
                        found.append(self._local_file(item, file))
        self._check_volume("outputs have", sum(local.version.size_bytes for local in found))
        return found

    def upload_changes(self, files: Sequence[LocalFile], cancel: CancelToken, progress: TransferProgress) -> Changes:
        """Upload what the store does not have; see `ObjectStore.upload_changes`."""
        return self._objects.upload_changes(files, cancel, progress)

    def read(self, item: JobInput, cancel: CancelToken) -> Generator[bytes, None, None]:
        """The content of an input's objects one after another, in the order of their keys, decompressed if asked for.

        The objects are those that are there when it begins. Raises StagingFailure, Cancelled.
        """
        for file in sorted(self._plan(item, cancel).files, key=lambda file: file.source.key.encode()):
            source = file.source
            with self._objects.open_stream(source, cancel) as chunks:
                is_gzip = item.compression is Compression.GZIP
                yield from gunzipped(chunks, f"s3://{source.bucket}/{source.key}") if is_gzip else chunks

    def _plan(self, item: JobInput, cancel: CancelToken) -> DownloadPlan:
        """What this instance downloads of an input."""
        record, hosts = self._task.record, self._task.hosts
        return share_of(self._plan_source(item.source, cancel), item.distribution, record.index, len(hosts))

    def _plan_source(self, source: Source, cancel: CancelToken) -> DownloadPlan:
        """All objects of an input. One case for each kind of source."""
        match source:
            case S3Prefix(uri=uri):
                return self._plan_prefix(uri, cancel)
            case S3Manifest(uri=uri):
                return self._plan_manifest(uri, cancel)
            case DatasetQuery():
                return self._plan_dataset(source, cancel)
            case other:
                assert_never(other)

    def _plan_prefix(self, uri: S3Uri, cancel: CancelToken) -> DownloadPlan:
        plan = plan_download(self._objects.iter_objects(uri.bucket, uri.key, cancel), uri.key)
        if plan.is_empty:
            raise StagingFailure(f"No S3 objects found under {uri}")
        return plan

    def _plan_dataset(self, query: DatasetQuery, cancel: CancelToken) -> DownloadPlan:
        """Only what the query has just stored: an earlier job of that name may have left more."""
        hosts = len(self._task.hosts)
        folder = self._task.folder.parent / "query"
        self._task.once.run(str(query.uri), lambda: self._queries.store_result(query, hosts, folder, cancel))
        found = self._objects.head_all(query.uri.bucket, query.keys(hosts), cancel)
        return plan_paths((stored, stored.key.rpartition("/")[2]) for stored in found)

    def _plan_manifest(self, uri: S3Uri, cancel: CancelToken) -> DownloadPlan:
        if not uri.key:
            raise StagingFailure(f"{uri} names a bucket and no manifest")
        manifest = parse_manifest(self._objects.read(uri.bucket, uri.key, MANIFEST_LIMIT_BYTES, cancel), uri)
        try:
            found = self._objects.head_all(manifest.bucket, list(manifest.paths), cancel)
        except ObjectStoreRefused as error:
            raise StagingFailure(f"{error} (it is listed in the manifest {uri})") from error
        return plan_paths((stored, manifest.paths[stored.key]) for stored in found)

    def _download(self, item: JobInput, plan: DownloadPlan, cancel: CancelToken, progress: TransferProgress) -> Staged:
        folder = folder_of(item.local_path)
        holder, is_view = self._views.holder_of(folder)
        holder.make_folders([folder, *(f"{folder}/{sub}" for sub in plan.folders)])
        return self._downloads.download(plan.files, holder.root / folder, cancel, progress, linked=is_view)

    def _check_volume(self, what: str, size_bytes: int) -> None:
        """Sparse files and hard links take less space on the disk than they would in S3."""
        limit = self._task.record.limits.volume_bytes
        if size_bytes > limit:
            raise DiskFull(f"{what} {size_bytes / GIB:.2f} GiB, VolumeSizeInGB is {limit // GIB}")

    def _local_file(self, item: JobOutput, found: FoundFile) -> LocalFile:
        return LocalFile(
            root=self._workspace.root,
            path=f"{folder_of(item.local_path)}/{found.path}",
            bucket=item.uri.bucket,
            key=output_key(item.uri, found.path),
            version=found.version,
        )


def _sum(transfers: Sequence[Transfer]) -> Transfer:
    return Transfer(
        objects=sum(t.objects for t in transfers),
        size_bytes=sum(t.size_bytes for t in transfers),
        seconds=sum(t.seconds for t in transfers),
    )
