"""Brings requests to the worker threads: those of a grouped operation that came at the same time together.

A step from the event loop to a thread and back costs more than a Describe, and a transaction more than the rows of a
Create. While a group of an operation is being served the next one gathers, so that groups are as large as the load
asks for: a client that comes alone is served alone, at once. No group waits for more to come. What nothing can hold up
is not brought to a thread at all.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from emulator.aws.caller import Caller
from emulator.aws.dispatch import Dispatcher
from emulator.aws.operation import Asked
from emulator.aws.reply import Reply

LARGEST_GROUP: Final = 64
"""So that nobody waits long for those before it in the group."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request whose turn will come, and where its reply goes."""

    asked: Asked
    reply: "asyncio.Future[Reply]"


class Desk:
    """Where the event loop hands requests in. Belongs to one loop; `executor` to the caller."""

    def __init__(self, dispatcher: Dispatcher, executor: Executor) -> None:
        self._dispatcher = dispatcher
        self._executor = executor
        self._waiting: defaultdict[str, list[_Waiting]] = defaultdict(list)
        self._open: set[str] = set()

    async def reply(self, target: str, caller: Caller, body: bytes) -> Reply:
        """Serve one request, whatever it is."""
        loop = asyncio.get_running_loop()
        if not self._dispatcher.is_grouped(target):
            return await loop.run_in_executor(self._executor, self._dispatcher.reply, target, caller, body)
        waiting = _Waiting(Asked(caller, body), loop.create_future())
        self._waiting[target].append(waiting)
        if target not in self._open:
            self._open.add(target)
            loop.call_soon(self._serve, target)  # after the requests that were read with this one
        return await waiting.reply

    def _serve(self, target: str) -> None:
        """Begin with those that have gathered; when they are served, with those that came meanwhile."""
        waiting = self._waiting[target]
        group, self._waiting[target] = waiting[:LARGEST_GROUP], waiting[LARGEST_GROUP:]
        if not group:
            self._open.discard(target)
            return
        asked = [each.asked for each in group]
        loop = asyncio.get_running_loop()
        if self._dispatcher.never_waits(target):
            _hand_out(group, self._dispatcher.reply_all(target, asked))
            loop.call_soon(self._serve, target)
            return
        served = loop.run_in_executor(self._executor, self._dispatcher.reply_all, target, asked)
        served.add_done_callback(lambda done: self._served(target, group, done))

    def _served(self, target: str, group: Sequence[_Waiting], done: "asyncio.Future[list[Reply]]") -> None:
        self._serve(target)
        error = done.exception()
        if error is None:
            _hand_out(group, done.result())
            return
        for each in group:
            if not each.reply.done():
                each.reply.set_exception(error)


def _hand_out(group: Sequence[_Waiting], replies: Sequence[Reply]) -> None:
    for each, reply in zip(group, replies, strict=True):
        if not each.reply.done():  # else nobody waits for it any more
            each.reply.set_result(reply)
