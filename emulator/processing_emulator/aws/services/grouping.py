"""Brings requests to the worker threads: those of a grouped operation that came at the same time together, and those
for pages a few at a time.

A step from the event loop to a thread and back costs more than a Describe, and a transaction more than the rows of a
Create. While a group of an operation is being served the next one gathers, and is read and checked, so that groups are
as large as the load asks for: a client that comes alone is served alone, at once. No group waits for more to come. What
nothing can hold up is not brought to a thread at all.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final, NamedTuple

from processing_emulator.aws.http.reply import Reply
from processing_emulator.aws.http.request_context import Caller
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.aws.services.operation import Checked

logger = logging.getLogger(__name__)

LARGEST_GROUP: Final = 64
"""So that nobody waits long for those before it in the group."""

SMALLEST_SHARE: Final = 8
"""Of more than this, half waits for the next group: its requests are read beside the thread that serves the others."""

PAGES_AT_ONCE: Final = 2
"""Pages are made by Python, which threads only do in turns: eight of them take twice the time for each."""

CHECKED_HERE_BYTES: Final = 16 * 1024
"""What is longer may keep a thread busy, but not the event loop."""


Answer = Callable[[Reply], None]
"""Where a reply goes; called once, in the event loop."""


class _Waiting(NamedTuple):
    """A request whose turn will come, and where its reply goes."""

    asked: Checked
    answer: Answer


class _Queue(NamedTuple):
    """Who waits for the same operation, and where they are answered."""

    target: str
    loop: asyncio.AbstractEventLoop


class Desk:
    """Where event loops hand requests in. `executor` belongs to the caller."""

    def __init__(self, dispatcher: Dispatcher, executor: Executor) -> None:
        self._dispatcher = dispatcher
        self._executor = executor
        self._lock = threading.Lock()
        self._waiting: dict[_Queue, list[_Waiting]] = {}
        """A queue is there as long as somebody serves it."""
        self._pages: deque[Callable[[], None]] = deque()
        self._page_threads = 0

    async def reply(self, target: str, caller: Caller, body: bytes) -> Reply:
        """Serve one request, whatever it is."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def answer(made: Reply) -> None:
            if not reply.done():  # else nobody waits for it any more
                reply.set_result(made)

        self.serve(target, caller, body, answer)
        return await reply

    def serve(self, target: str, caller: Caller, body: bytes, answer: Answer) -> None:
        """`reply` without a task: from inside the event loop, which goes on meanwhile."""
        loop = asyncio.get_running_loop()
        if not self._dispatcher.is_grouped(target) or len(body) > CHECKED_HERE_BYTES:
            serve = partial(self._serve_alone, target, caller, body, answer, loop)
            if self._dispatcher.makes_pages(target):
                self._serve_in_line(serve)
            else:
                self._executor.submit(serve)
            return
        asked = self._dispatcher.checked(target, caller, body)
        if isinstance(asked, Reply):
            answer(asked)
            return
        queue, waiting = _Queue(target, loop), _Waiting(asked, answer)
        with self._lock:
            others = self._waiting.get(queue)
            if others is not None:
                others.append(waiting)
                return
            self._waiting[queue] = [waiting]
        loop.call_soon(self._serve, queue)  # after the requests that were read with this one

    def _serve_alone(
        self, target: str, caller: Caller, body: bytes, answer: Answer, loop: asyncio.AbstractEventLoop
    ) -> None:
        reply = self._dispatcher.reply(target, caller, body)
        if not loop.is_closed():
            loop.call_soon_threadsafe(answer, reply)

    def _serve_in_line(self, serve: Callable[[], None]) -> None:
        """First come, first served, by few threads."""
        with self._lock:
            self._pages.append(serve)
            if self._page_threads == PAGES_AT_ONCE:
                return
            self._page_threads += 1
        try:
            self._executor.submit(self._serve_pages)
        except RuntimeError:  # it takes no more: the server ends
            with self._lock:
                self._page_threads -= 1
            raise

    def _serve_pages(self) -> None:
        while True:
            with self._lock:
                if not self._pages:
                    self._page_threads -= 1
                    return
                serve = self._pages.popleft()
            try:
                serve()
            except Exception:  # the others get theirs all the same
                logger.exception("page_lost")

    def _serve(self, queue: _Queue) -> None:
        if self._dispatcher.never_waits(queue.target):
            self._serve_here(queue)
        else:
            self._executor.submit(self._serve_in_thread, queue)

    def _serve_here(self, queue: _Queue) -> None:
        """One group; others get their turn in the event loop before the next."""
        group = self._next_group(queue)
        if group:
            _hand_out(group, self._replies(queue, group))
            queue.loop.call_soon(self._serve_here, queue)

    def _serve_in_thread(self, queue: _Queue) -> None:
        """Begin with those that have gathered; when they are served, those that came meanwhile."""
        while group := self._next_group(queue):
            replies = self._replies(queue, group)
            if not queue.loop.is_closed():  # else nobody is there any more
                queue.loop.call_soon_threadsafe(_hand_out, group, replies)

    def _next_group(self, queue: _Queue) -> Sequence[_Waiting]:
        """Empty when nobody waits; whoever comes next begins anew."""
        with self._lock:
            waiting = self._waiting[queue]
            if not waiting:
                del self._waiting[queue]
                return ()
            size = min(len(waiting), LARGEST_GROUP)
            if not self._dispatcher.never_waits(queue.target):
                size = max(min(size, SMALLEST_SHARE), size // 2)
            group, self._waiting[queue] = waiting[:size], waiting[size:]
            return group

    def _replies(self, queue: _Queue, group: Sequence[_Waiting]) -> Sequence[Reply]:
        return self._dispatcher.reply_all(queue.target, [each.asked for each in group])


def _hand_out(group: Sequence[_Waiting], replies: Sequence[Reply]) -> None:
    for each, reply in zip(group, replies, strict=True):
        try:
            each.answer(reply)
        except Exception:  # the others get theirs all the same
            logger.exception("answer_lost", extra={"request_id": each.asked.caller.request_id})
