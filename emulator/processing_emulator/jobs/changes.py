"""Wakes requests that wait for a job to change: one reader of the event feed for all of them, while there are any."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.domain.state_change import ACTIONS
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import EventFeed

logger = logging.getLogger(__name__)

_ACTIONS = (*ACTIONS, "deleted")
"""The events that may change what Describe says."""

_PAGE = 1000


class JobState(NamedTuple):
    """What a waiting request compares: it ends when this is another one."""

    key: JobKey
    phase: JobPhase
    status: ProcessingJobStatus


def state_to_watch(job: ProcessingJob) -> JobState | None:
    """None for a job that has ended: it does not change any more."""
    return None if job.phase.is_terminal else JobState(job.key, job.phase, job.status)


@dataclass(eq=False, slots=True)
class JobWatcher:
    """One waiting request. `news` is set when the job has an event, and when the wait `is_over` for all."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False


class JobChanges:
    """Used in one event loop; only `end_waits` and `close` may be called from other threads."""

    def __init__(self, feed: EventFeed) -> None:
        self._feed = feed
        self._watchers: defaultdict[JobKey, set[JobWatcher]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._is_reading = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    @asynccontextmanager
    async def watching(self, key: JobKey) -> AsyncIterator[JobWatcher]:
        """A watcher that misses no event stored from now on: begin to watch, then look at the job."""
        watcher = JobWatcher(is_over=self._is_closed)
        self._watchers[key].add(watcher)
        try:
            if self._reader is None:
                self._loop = asyncio.get_running_loop()
                self._reader = asyncio.create_task(self._read_feed(self._loop))
            await self._is_reading.wait()
            yield watcher
        finally:
            self._leave(key, watcher)

    def end_waits(self) -> None:
        """Let all requests that wait answer now."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_waits)

    def close(self) -> None:
        """End all waits, and those that begin later."""
        self._is_closed = True
        self.end_waits()

    def _leave(self, key: JobKey, watcher: JobWatcher) -> None:
        self._watchers[key].discard(watcher)
        if not self._watchers[key]:
            del self._watchers[key]
        if not self._watchers and self._reader is not None:
            self._reader.cancel()
            self._reader = None
            self._is_reading = asyncio.Event()

    async def _read_feed(self, loop: asyncio.AbstractEventLoop) -> None:
        news, is_reading = asyncio.Event(), self._is_reading
        unsubscribe = self._feed.on_new_events(lambda: _set_from_any_thread(loop, news))
        try:
            last_id = await asyncio.to_thread(self._feed.last_event_id)
            is_reading.set()
            while True:
                await news.wait()
                news.clear()
                while events := await asyncio.to_thread(self._feed.events_after, last_id, _PAGE, _ACTIONS):
                    last_id = events[-1].id
                    for event in events:
                        self._wake(event.key)
        except StoreFailure as error:
            logger.warning("events cannot be read, waits end", extra={"error": error})
            self._reader, self._is_reading = None, asyncio.Event()
            self._end_waits()
        finally:
            is_reading.set()
            unsubscribe()

    def _wake(self, key: JobKey) -> None:
        for watcher in self._watchers.get(key, ()):
            watcher.news.set()

    def _end_waits(self) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.is_over = True
                watcher.news.set()


def _set_from_any_thread(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(event.set)
