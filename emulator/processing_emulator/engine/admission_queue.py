"""The queue of jobs that wait for admission, in memory: adding a job costs the same behind ten as behind thousands."""

import heapq
from collections.abc import Iterator, Sequence

from processing_emulator.domain.job import JobId


class AdmissionQueue:
    """First come, first served: by id, which is the order in which jobs were stored. Used by one thread.

    It also knows which jobs are unannounced: their `waiting` event has not been written yet.
    """

    def __init__(self) -> None:
        self._heap: list[JobId] = []
        self._members: set[JobId] = set()
        self._unannounced: set[JobId] = set()

    def add(self, job_id: JobId) -> None:
        """Queue a job, unless it is queued already."""
        if job_id not in self._members:
            heapq.heappush(self._heap, job_id)
            self._members.add(job_id)
            self._unannounced.add(job_id)

    def remove(self, job_id: JobId) -> None:
        """Remove a job, wherever it stands."""
        self._members.discard(job_id)
        self._unannounced.discard(job_id)

    def clear(self) -> None:
        """Remove all jobs."""
        self._heap.clear()
        self._members.clear()
        self._unannounced.clear()

    def first(self) -> JobId | None:
        """The job to be admitted next."""
        while self._heap and self._heap[0] not in self._members:
            heapq.heappop(self._heap)  # it was removed
        return self._heap[0] if self._heap else None

    def behind_first(self, count: int) -> Sequence[JobId]:
        """At most `count` jobs that come after the first, in order."""
        return heapq.nsmallest(count + 1, self._members)[1:]

    def __iter__(self) -> Iterator[JobId]:
        """The jobs queued now, in order; the queue may change meanwhile."""
        return iter(sorted(self._members))

    def unannounced(self) -> Sequence[JobId]:
        """Jobs whose `waiting` event has not been written yet, in order."""
        return sorted(self._unannounced)

    def mark_announced(self, job_ids: Sequence[JobId]) -> None:
        """Their `waiting` event is in the history."""
        self._unannounced.difference_update(job_ids)
