"""Brings one instance's inputs from the object store and its outputs back (spec 3.1 and 4)."""

from collections.abc import Sequence

from processing_emulator.domain.contract import folder_of
from processing_emulator.domain.instances import GIB
from processing_emulator.domain.job import Transfer
from processing_emulator.domain.spec import JobInput, JobOutput
from processing_emulator.domain.staging import output_key, plan_download
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import DiskFull, StagingFailure
from processing_emulator.ports import CancelToken, LocalFile, ObjectStore

NOTHING = Transfer(objects=0, size_bytes=0, seconds=0.0)


def _sum(transfers: Sequence[Transfer]) -> Transfer:
    return Transfer(
        objects=sum(t.objects for t in transfers),
        size_bytes=sum(t.size_bytes for t in transfers),
        seconds=sum(t.seconds for t in transfers),
    )


class Stager:
    """Stages in and out, within the volume the job asked for."""

    def __init__(self, objects: ObjectStore, workspace: Workspace, volume_bytes: int) -> None:
        self._objects = objects
        self._workspace = workspace
        self._volume_bytes = volume_bytes

    def stage_in(self, inputs: Sequence[JobInput], cancel: CancelToken) -> Transfer:
        """Fetch all inputs in the request's order; raises StagingFailure and its kin, Cancelled."""
        plans = []
        for item in inputs:
            plan = plan_download(self._objects.iter_objects(item.uri.bucket, item.uri.key, cancel), item.uri.key)
            if not plan.files and not plan.folders:
                raise StagingFailure(f"No S3 objects found under {item.uri}")
            plans.append((item, plan))
        wanted = sum(plan.size_bytes for _, plan in plans)
        if wanted > self._volume_bytes:
            raise DiskFull(f"inputs take {wanted / GIB:.2f} GiB, VolumeSizeInGB is {self._volume_bytes // GIB}")
        done = []
        for item, plan in plans:
            folder = folder_of(item.local_path)
            self._workspace.make_folders([folder, *(f"{folder}/{sub}" for sub in plan.folders)])
            done.append(self._objects.download(plan.files, self._workspace.root / folder, cancel))
        return _sum(done)

    def stage_out(self, outputs: Sequence[JobOutput], cancel: CancelToken) -> tuple[Transfer, tuple[str, ...]]:
        """Upload all outputs in the request's order; also what was left out because it is no regular file."""
        scans = [(item, self._workspace.scan(folder_of(item.local_path))) for item in outputs]
        total = sum(size for _, scan in scans for _, size in scan.files)
        if total > self._volume_bytes:  # sparse files and hard links take less on the disk than they would in S3
            raise DiskFull(f"outputs have {total / GIB:.2f} GiB, VolumeSizeInGB is {self._volume_bytes // GIB}")
        skipped = tuple(f"{item.local_path}/{path}" for item, scan in scans for path in scan.skipped)
        done = [self._objects.upload(self._local_files(item, scan.files), cancel) for item, scan in scans]
        return _sum(done), skipped

    def _local_files(self, item: JobOutput, files: Sequence[tuple[str, int]]) -> list[LocalFile]:
        base = self._workspace.root / folder_of(item.local_path)
        return [
            LocalFile(path=base / path, bucket=item.uri.bucket, key=output_key(item.uri, path), size_bytes=size)
            for path, size in files
        ]
