"""Delivers events to one destination: in order, each at least once, with retries, and nothing lost in between."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from processing_emulator.errors import DeliveryFailed, StoreFailure
from processing_emulator.events.destination import Selection
from processing_emulator.events.state_changes import StateChange, StateChanges
from processing_emulator.ports import Clock, DeadLetters, EventFeed, EventMessage, EventRuleStore, EventSender

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTools:
    """What deliveries to all destinations share. Events older than `patience_seconds` are tried once."""

    changes: StateChanges
    feed: EventFeed
    places: EventRuleStore
    dead_letters: DeadLetters
    clock: Clock
    patience_seconds: float
    first_pause_seconds: float = FIRST_PAUSE_SECONDS


class _Stopping(Exception):  # not an error
    """The server stops in the middle of a delivery, which the next start repeats."""


class EventDelivery:
    """A background service with a thread of its own, so that a receiver that is down holds up no other.

    The place in the feed is stored after each event that was taken. A kill in between repeats that event.
    """

    def __init__(self, destination: str, selection: Selection, sender: EventSender, tools: DeliveryTools) -> None:
        self._destination = destination
        self._selection = selection
        self._sender = sender
        self._tools = tools
        self._place = 0
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-delivery", daemon=True)

    def start(self) -> None:
        """Begin: a destination that is new gets the events from now on. Raises StoreFailure."""
        if self._thread.ident is None:
            place = self._tools.places.delivered_to(self._destination)
            self._place = self._tools.feed.last_event_id() if place is None else place
            self._thread.start()

    def stop(self) -> None:
        """End; a request to the receiver that is on its way is waited for."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        unsubscribe = self._tools.feed.on_new_events(self._woken.set)
        try:
            self._deliver_until_stopped()
        except _Stopping:
            pass
        finally:
            unsubscribe()

    def _deliver_until_stopped(self) -> None:
        self._until_stored(self._store_place_of_new_destination)
        pause = self._tools.first_pause_seconds
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                has_more = self._deliver_page()
                pause = self._tools.first_pause_seconds
            except StoreFailure as error:
                logger.warning("events not read", extra={"destination": self._destination, "error": str(error)})
                pause = self._wait(pause)
                continue
            except _Stopping:
                raise
            except Exception:
                # A fault of ours must not end the deliveries: the same event is tried again.
                logger.exception("event delivery failed", extra={"destination": self._destination})
                pause = self._wait(pause)
                continue
            if not has_more and not self._stopping.is_set():
                self._woken.wait()

    def _store_place_of_new_destination(self) -> None:
        """So that what comes while the server is down belongs to it, too."""
        if self._tools.places.delivered_to(self._destination) is None:
            self._tools.places.set_delivered_to(self._destination, self._place)

    def _store_place(self) -> None:
        """An event that the receiver has taken is repeated only after a kill."""
        self._tools.places.set_delivered_to(self._destination, self._place)

    def _until_stored(self, store: Callable[[], None]) -> None:
        """Call it until it works. Raises _Stopping."""
        pause = self._tools.first_pause_seconds
        while True:
            try:
                store()
            except StoreFailure:
                pause = self._wait(pause)
            else:
                return

    def _deliver_page(self) -> bool:
        """Whether there may be more. Raises StoreFailure; what was delivered by then is not delivered again."""
        page = self._tools.changes.after(self._place, _PAGE)
        for change in page.changes:
            messages = self._selection.messages(change.event)
            for message in messages:
                self._deliver(change, message)
            self._place = change.place
            if messages:
                self._until_stored(self._store_place)
        self._place = page.next
        return len(page.changes) == _PAGE

    def _deliver(self, change: StateChange, message: EventMessage) -> None:
        """Until the receiver has taken it, or it is kept as a dead letter. Raises _Stopping."""
        pause, expires_at = self._tools.first_pause_seconds, change.at + timedelta(seconds=self._tools.patience_seconds)
        while True:
            try:
                self._sender.send(message)
            except DeliveryFailed as error:
                fields = {"destination": self._destination, "event_id": message.event["id"], "error": str(error)}
                if (error.is_final or self._tools.clock.now() >= expires_at) and self._is_kept(message, str(error)):
                    logger.error("event not delivered", extra=fields)  # noqa: TRY400  # the sentence says it all
                    return
                logger.warning("event delivery postponed", extra={**fields, "pause_seconds": pause})
            else:
                return
            pause = self._wait(pause)

    def _is_kept(self, message: EventMessage, error: str) -> bool:
        """As a dead letter. Where that fails, the disk is full for example, the delivery goes on."""
        try:
            self._tools.dead_letters.add(self._destination, message, error)
        except StoreFailure as failure:
            logger.warning("dead letter not kept", extra={"destination": self._destination, "error": str(failure)})
            return False
        return True

    def _wait(self, pause: float) -> float:
        """Wait, and return the next pause. Raises _Stopping."""
        if self._stopping.wait(pause):
            raise _Stopping
        return min(2 * pause, LONGEST_PAUSE_SECONDS)
