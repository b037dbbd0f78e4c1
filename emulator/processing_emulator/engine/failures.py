"""From what went wrong to the service's own words: the class and text of a FailureReason (spec 1.8)."""

from processing_emulator.domain.instance_types import GIB
from processing_emulator.domain.outcome import ContainerExit, Failure, FailureClass
from processing_emulator.errors import ContainerGone, DiskFull, EmulatorError, ImageNotFound, StartRejected

INTERNAL_TEXT = "We encountered an internal error.  Please try again."
"""Two spaces, as the service writes it."""


def internal_failure(detail: str) -> Failure:
    """A fault of the platform, with our fact behind the service's sentence."""
    return Failure(kind=FailureClass.INTERNAL, text=f"{INTERNAL_TEXT} ({detail})")


def capacity_failure(detail: str) -> Failure:
    """An ask that this host can never meet."""
    return Failure(
        kind=FailureClass.CAPACITY,
        text="Unable to provision requested ML compute capacity. "
        f"Please retry using a different ML instance type. ({detail})",
    )


def download_failure(error: EmulatorError) -> Failure:
    """Inputs could not be staged."""
    if isinstance(error, DiskFull):
        return Failure(kind=FailureClass.CLIENT, text=f"Data download failed:Insufficient disk space ({error})")
    return Failure(kind=FailureClass.CLIENT, text=f"Failed to download data. {error}")


def upload_failure(error: EmulatorError) -> Failure:
    """Outputs could not be stored, although the container may have done its work."""
    if isinstance(error, DiskFull):
        return Failure(kind=FailureClass.CLIENT, text=f"Artifact upload failed:Insufficient disk space ({error})")
    return Failure(kind=FailureClass.CLIENT, text=f"Artifact upload failed:{error}")


def volume_failure(used_bytes: int, limit_bytes: int) -> Failure:
    """A container wrote more than its volume holds."""
    return Failure(
        kind=FailureClass.CLIENT,
        text=f"Insufficient disk space: the job's files take {used_bytes / GIB:.2f} GiB, "
        f"VolumeSizeInGB is {limit_bytes // GIB}",
    )


def disk_failure(shortage: str) -> Failure:
    """The machine's disk has no space left for what a container writes."""
    return Failure(kind=FailureClass.CLIENT, text=f"Insufficient disk space: {shortage}")


def container_failure(error: EmulatorError) -> Failure:
    """The image, the container or the engine failed before the container's own exit code could speak."""
    match error:
        case ImageNotFound():
            return Failure(kind=FailureClass.CLIENT, text=str(error))
        case ContainerGone():
            return internal_failure("the job's container is gone; somebody removed it")
        case StartRejected():
            return Failure(kind=FailureClass.ALGORITHM, text=f"{error}, exit code: {error.exit_code}")
        case _:
            return internal_failure(str(error))


def engine_end_failure(ended: ContainerExit) -> Failure:
    """The engine stopped while the container ran, or was told by somebody to end it."""
    return internal_failure(
        f"the Docker engine stopped, or was told to end the job's container, exit code: {ended.code}"
    )
