"""The most memory that a process needs while something runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def peak_memory(process: psutil.Process) -> Iterator[list[float]]:
    """The peak resident memory of a process in MB while the block runs, sampled 50 times a second."""
    most = [0.0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], process.memory_info().rss / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()
