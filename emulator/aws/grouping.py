"""Brings requests to the worker threads: those of a grouped operation that came at the same time together.

A step from the event loop to a thread and back costs more than a Describe, and a transaction more than the rows of a
Create. While a group of an operation is being served the next one gathers, so that groups are as large as the load
asks for: a client that comes alone is served alone, at once. No group waits for more to come. What nothing can hold up
is not brought to a thread at all.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final, NamedTuple

from emulator.aws.caller import Caller
from emulator.aws.dispatch import Dispatcher
from emulator.aws.operation import Asked
from emulator.aws.reply import Reply

LARGEST_GROUP: Final = 64
"""So that nobody waits long for those before it in the group."""


Answer = Callable[[Reply], None]
"""Where a reply goes; called once, in the event loop."""


class _Waiting(NamedTuple):
    """A request whose turn will come, and where its reply goes."""

    asked: Asked
    answer: Answer


class Desk:
    """Where the event loop hands requests in. Belongs to one loop; `executor` to the caller."""

    def __init__(self, dispatcher: Dispatcher, executor: Executor) -> None:
        self._dispatcher = dispatcher
        self._executor = executor
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, list[_Waiting]] = defaultdict(list)
        self._served_now: set[str] = set()

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
        if not self._dispatcher.is_grouped(target):
            self._executor.submit(self._serve_alone, target, Asked(caller, body), answer, loop)
            return
        with self._lock:
            self._waiting[target].append(_Waiting(Asked(caller, body), answer))
            if target in self._served_now:
                return
            self._served_now.add(target)
        loop.call_soon(self._serve, target, loop)  # after the requests that were read with this one

    def _serve_alone(self, target: str, asked: Asked, answer: Answer, loop: asyncio.AbstractEventLoop) -> None:
        reply = self._dispatcher.reply(target, asked.caller, asked.body)
        if not loop.is_closed():
            loop.call_soon_threadsafe(answer, reply)

    def _serve(self, target: str, loop: asyncio.AbstractEventLoop) -> None:
        if self._dispatcher.never_waits(target):
            self._serve_here(target, loop)
        else:
            self._executor.submit(self._serve_in_thread, target, loop)

    def _serve_here(self, target: str, loop: asyncio.AbstractEventLoop) -> None:
        """One group; others get their turn in the event loop before the next."""
        group = self._next_group(target)
        if group:
            _hand_out(group, self._replies(target, group))
            loop.call_soon(self._serve_here, target, loop)

    def _serve_in_thread(self, target: str, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with those that have gathered; when they are served, those that came meanwhile."""
        while group := self._next_group(target):
            replies = self._replies(target, group)
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(_hand_out, group, replies)

    def _next_group(self, target: str) -> Sequence[_Waiting]:
        """Empty when nobody waits; whoever comes next begins anew."""
        with self._lock:
            waiting = self._waiting[target]
            group, self._waiting[target] = waiting[:LARGEST_GROUP], waiting[LARGEST_GROUP:]
            if not group:
                self._served_now.discard(target)
            return group

    def _replies(self, target: str, group: Sequence[_Waiting]) -> Sequence[Reply]:
        return self._dispatcher.reply_all(target, [each.asked for each in group])


def _hand_out(group: Sequence[_Waiting], replies: Sequence[Reply]) -> None:
    for each, reply in zip(group, replies, strict=True):
        each.answer(reply)
