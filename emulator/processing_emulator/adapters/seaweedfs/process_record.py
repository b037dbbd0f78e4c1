"""A record of the running store, with which the next start finds and kills a store that a killed server left."""

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed

logger = logging.getLogger(__name__)

_CLOCK_SLACK_SECONDS = 2.0
"""A process's start time is relative to the boot time, which changes a little when the clock is set."""

_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process id and the start time of the process, since ids are reused."""

    pid: int
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRecord:
    """A store, the server that started it, and the sockets that remain when it is killed."""

    store: ProcessId
    server: ProcessId
    sockets: tuple[str, ...]


def process_id(pid: int) -> ProcessId:
    """Identify a running process. Raises psutil.NoSuchProcess."""
    return ProcessId(pid=pid, started_at=psutil.Process(pid).create_time())


def write_record(path: Path, record: StoreRecord) -> None:
    """Write it atomically."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
    temporary.replace(path)


def kill_stale_process(path: Path, data_dir: Path) -> None:
    """Kill the store in the record, and remove its sockets and the record.

    Raises EmbeddedStoreFailed when its server still runs, or when it does not end.
    """
    record = _read(path)
    if record is None:
        return
    left = _find(record.store)
    if left is not None and _works_in(left, data_dir):
        if _find(record.server) is not None:
            raise EmbeddedStoreFailed(
                f"the store in {data_dir} belongs to a running server, process {record.server.pid}"
            )
        _end(left, data_dir)
    for name in record.sockets:
        Path(name).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _read(path: Path) -> StoreRecord | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return StoreRecord(
            store=ProcessId(**document["store"]),
            server=ProcessId(**document["server"]),
            sockets=tuple(document["sockets"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("process record not readable, ignored", extra={"path": path, "error": error})
        return None


def _find(wanted: ProcessId) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(wanted.pid)
        is_same = abs(process.create_time() - wanted.started_at) < _CLOCK_SLACK_SECONDS
        if is_same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _works_in(process: psutil.Process, data_dir: Path) -> bool:
    """Whether it is a store of ours: only a process that works in our folder is killed."""
    try:
        return Path(process.cwd()) == data_dir.resolve()
    except psutil.Error:
        return False


def _end(left: psutil.Process, data_dir: Path) -> None:
    logger.warning("killing the embedded s3 store of a killed server", extra={"pid": left.pid})
    with suppress(psutil.NoSuchProcess):
        left.kill()
    try:
        left.wait(_END_SECONDS)
    except psutil.TimeoutExpired as error:
        raise EmbeddedStoreFailed(f"process {left.pid} holds the store in {data_dir} and does not end") from error
