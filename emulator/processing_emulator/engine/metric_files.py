"""Reads the metrics that a container has left in its files, which it may have made in any way."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from processing_emulator.domain.job import JobKey
from processing_emulator.domain.metric_lines import METRICS_FOLDER, data_of_lines
from processing_emulator.domain.metrics import Datum
from processing_emulator.untrusted_folder import iter_entries, open_file

MOST_BYTES = 8 * 1024**2
"""Of all files together; what follows is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftMetrics:
    """What was found, and sentences about what is not taken."""

    data: Sequence[Datum]
    refused: Sequence[str]


def read_left_metrics(root: Path, job: JobKey, now: datetime) -> LeftMetrics:
    """The metrics below an instance's folder."""
    data: list[Datum] = []
    refused: list[str] = []
    left = MOST_BYTES
    try:
        for path, status in sorted(iter_entries(root, METRICS_FOLDER)):
            name = path.rpartition("/")[2]
            if not stat.S_ISREG(status.st_mode):
                refused.append(f"{name}: not a file")
                continue
            text = _read(root, path, left + 1)
            if len(text) > left:
                refused.append(f"{name}: the files have more than {MOST_BYTES} bytes")
                break
            left -= len(text)
            for found in data_of_lines(text, job.account, job.region, now):
                if isinstance(found, Datum):
                    data.append(found)
                else:
                    refused.append(f"{name}, {found}")
    except OSError as error:
        refused.append(f"{METRICS_FOLDER}: {error.strerror}")
    return LeftMetrics(data=data, refused=refused)


def _read(root: Path, path: str, most_bytes: int) -> bytes:
    with os.fdopen(open_file(root, path), "rb") as file:
        return file.read(most_bytes)
