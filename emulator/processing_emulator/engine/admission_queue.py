"""The line of jobs that wait for admission, in memory: a new job costs the same behind ten as behind thousands."""

import heapq
from collections.abc import Iterator, Sequence

from processing_emulator.domain.job import JobId


class WaitingLine:
    """First come, first served: by id, which is the order in which jobs were stored. Belongs to one thread.

    A job is news until it has been told that it waits.
    """

    def __init__(self) -> None:
        self._heap: list[JobId] = []
        self._members: set[JobId] = set()
        self._news: set[JobId] = set()

    def add(self, job_id: JobId) -> None:
        """A job comes; nothing happens when it stands in the line already."""
        if job_id not in self._members:
            heapq.heappush(self._heap, job_id)
            self._members.add(job_id)
            self._news.add(job_id)

    def remove(self, job_id: JobId) -> None:
        """A job leaves, from wherever it stands."""
        self._members.discard(job_id)
        self._news.discard(job_id)

    def clear(self) -> None:
        """All leave."""
        self._heap.clear()
        self._members.clear()
        self._news.clear()

    def first(self) -> JobId | None:
        """Whose turn it is."""
        while self._heap and self._heap[0] not in self._members:
            heapq.heappop(self._heap)  # it has left
        return self._heap[0] if self._heap else None

    def __iter__(self) -> Iterator[JobId]:
        """Those in the line now, in order; it may change meanwhile."""
        return iter(sorted(self._members))

    def news(self) -> Sequence[JobId]:
        """Those that have not been told that they wait, in order."""
        return sorted(self._news)

    def told(self, job_ids: Sequence[JobId]) -> None:
        """They are news no more."""
        self._news.difference_update(job_ids)
