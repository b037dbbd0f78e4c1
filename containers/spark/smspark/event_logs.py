"""Spark's event logs: on S3 directly, or copied again and again to a folder that is an output of the job."""

import logging
import shutil
import threading
from pathlib import Path

logger = logging.getLogger(__name__)

SPARK_FOLDER = Path("/tmp/spark-events")
PERIOD_SECONDS = 20.0


def event_log_settings(s3_uri: str | None, local_folder: str | None) -> dict[str, str]:
    """Lines of spark-defaults.conf. The S3 URI wins over the folder, as in the AWS image."""
    if s3_uri:
        place = "s3a://" + s3_uri.removeprefix("s3://") if s3_uri.startswith("s3://") else s3_uri
        return {"spark.eventLog.enabled": "true", "spark.eventLog.dir": place}
    if local_folder and s3_uri is None:
        return {"spark.eventLog.enabled": "true", "spark.eventLog.dir": str(SPARK_FOLDER)}
    return {}


class EventLogCopier:
    """Copies all event logs every 20 seconds and at the end, the unfinished ones under their final names."""

    def __init__(self, target: Path, *, source: Path = SPARK_FOLDER, period_seconds: float = PERIOD_SECONDS) -> None:
        self._source = source
        self._target = target
        self._period_seconds = period_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event logs", daemon=True)
        source.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def close(self) -> None:
        """Copy once more, and stop."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(self._period_seconds)
            self._copy()

    def _copy(self) -> None:
        for file in self._source.rglob("*"):
            if file.is_file() and not file.name.startswith("."):
                self._copy_file(file)

    def _copy_file(self, file: Path) -> None:
        target = self._target / file.relative_to(self._source)
        target = target.with_name(target.name.removesuffix(".inprogress"))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, target)
        except FileNotFoundError:
            return  # finished and renamed meanwhile: the next copy has it
        except OSError as error:
            logger.warning("cannot copy the event log %s: %s", file, error)
            return
        logger.info("copied the event log %s to %s", file, target)
