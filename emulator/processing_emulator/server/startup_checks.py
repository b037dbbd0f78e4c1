"""What a user should know once the server has started, as warnings in its log."""

import logging
import shutil
from pathlib import Path

from processing_emulator.errors import StagingFailure
from processing_emulator.server.adapters import Adapters
from processing_emulator.server.health import s3_hint

logger = logging.getLogger(__name__)


def warn_of_problems(adapters: Adapters) -> None:
    """Check the S3 store, the volumes and the GPUs; Docker was contacted before."""
    try:
        adapters.objects.ping()
    except StagingFailure as error:
        hint = s3_hint(adapters.s3)
        logger.warning("s3 store not usable", extra={"endpoint": adapters.s3.endpoint, "error": error, "hint": hint})
    obstacle = adapters.volumes.obstacle()
    if obstacle is not None:
        logger.info("volumes not limited", extra={"reason": obstacle, "instead": "files are counted"})
    if has_nvidia_driver() and not adapters.gpus.gpu_ids():
        logger.warning("no GPU found", extra={"reason": "an NVIDIA driver is installed", "hint": "run `nvidia-smi`"})


def has_nvidia_driver() -> bool:
    """Whether this machine is set up for GPUs."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
