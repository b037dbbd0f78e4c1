"""What clients write: log groups and streams, their events, retention and tags."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, LogEvent, utf8_bytes
from processing_emulator.domain.log_names import LogGroupKey, is_text
from processing_emulator.errors import TooManyTags, ValidationFailed
from processing_emulator.logs.retention import DAY_MS
from processing_emulator.ports import Clock, LogStore
from processing_emulator.ports.logs import STANDARD_CLASS, Tags

logger = logging.getLogger(__name__)

MOST_BATCH_BYTES = 1024**2
MOST_TAGS = 50
OLDEST_MS = 14 * DAY_MS
NEWEST_MS = DAY_MS // 12
"""Events that are older than two weeks, or more than two hours in the future, are not taken."""

RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Which events of a batch were not taken: all before the two ends, and all from the start on; None: none."""

    expired_end: int | None
    too_old_end: int | None
    too_new_start: int | None


class LogWriting:
    """The log groups of all accounts and regions."""

    def __init__(self, logs: LogStore, clock: Clock) -> None:
        self._logs = logs
        self._clock = clock

    def create_group(self, key: LogGroupKey, tags: Tags, log_class: str = STANDARD_CLASS) -> None:
        """Raises LogExists, ValidationFailed."""
        if key.name.lower().startswith("aws/"):
            raise ValidationFailed("Log groups starting with AWS/ are reserved for AWS.")
        _check_keys(tags)
        self._logs.create_group(key, self._now_ms(), log_class=log_class, tags=tags)
        logger.info("log group created", extra={"log_group": key.name})

    def create_stream(self, group: LogGroupKey, name: str) -> None:
        """Raises LogExists, LogNotFound, ValidationFailed."""
        if not is_text(name):
            raise ValidationFailed("The name of a log stream may have no NUL and no half of a surrogate pair.")
        self._logs.create_stream(group, name, self._now_ms())

    def delete_group(self, key: LogGroupKey) -> None:
        """Raises LogNotFound."""
        self._logs.delete_group(key)
        logger.info("log group deleted", extra={"log_group": key.name})

    def delete_stream(self, group: LogGroupKey, name: str) -> None:
        """Raises LogNotFound."""
        self._logs.delete_stream(group, name)
        logger.info("log stream deleted", extra={"log_group": group.name, "log_stream": name})

    def put_events(self, group: LogGroupKey, name: str, events: Sequence[LogEvent]) -> Rejected:
        """Store the events that are neither too old nor too new. Raises LogNotFound, ValidationFailed."""
        _check_batch(events)
        now_ms = self._now_ms()
        retention = self._logs.retention_days(group)
        expired_end = 0 if retention is None else _count_before(events, now_ms - retention * DAY_MS)
        too_old_end = _count_before(events, now_ms - OLDEST_MS)
        too_new_start = _count_before(events, now_ms + NEWEST_MS + 1)
        taken = events[max(expired_end, too_old_end) : too_new_start]
        if taken and taken[-1].at_ms - taken[0].at_ms > DAY_MS:
            raise ValidationFailed(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
            )
        storable = [LogEvent(event.at_ms, event.message.encode(errors="replace").decode()) for event in taken]
        self._logs.put_events(group, name, storable, now_ms)
        return Rejected(
            expired_end=expired_end or None,
            too_old_end=too_old_end or None,
            too_new_start=too_new_start if too_new_start < len(events) else None,
        )

    def set_retention(self, key: LogGroupKey, days: int | None) -> None:
        """How long events are kept; None: for ever. Raises LogNotFound, ValidationFailed."""
        if days is not None and days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise ValidationFailed(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint:"
                f" Member must satisfy enum value set: [{allowed}]"
            )
        self._logs.set_retention(key, days)
        logger.info("log retention set", extra={"log_group": key.name, "days": days})

    def tags(self, key: LogGroupKey) -> Tags:
        """Raises LogNotFound."""
        return self._logs.tags(key)

    def add_tags(self, key: LogGroupKey, tags: Tags) -> None:
        """Add tags or overwrite them by key. Raises LogNotFound, TooManyTags, ValidationFailed."""
        _check_keys(tags)

        def edit(stored: Tags) -> Tags:
            edited = {**stored, **tags}
            if len(edited) > MOST_TAGS:
                raise TooManyTags(f"A log group can have at most {MOST_TAGS} tags.")
            return edited

        self._logs.edit_tags(key, edit)

    def remove_tags(self, key: LogGroupKey, keys: Collection[str]) -> None:
        """Remove tags; keys that are not there are no error. Raises LogNotFound."""
        self._logs.edit_tags(key, lambda tags: {name: value for name, value in tags.items() if name not in keys})

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _count_before(events: Sequence[LogEvent], at_ms: int) -> int:
    return sum(event.at_ms < at_ms for event in events)


def _check_batch(events: Sequence[LogEvent]) -> None:
    times = [event.at_ms for event in events]
    if times != sorted(times):
        raise ValidationFailed("Log events in a single PutLogEvents request must be in chronological order.")
    size = sum(utf8_bytes(event.message.encode(errors="replace").decode()) + EVENT_OVERHEAD_BYTES for event in events)
    if size > MOST_BATCH_BYTES:
        raise ValidationFailed(f"Upload too large: {size} bytes exceeds limit of {MOST_BATCH_BYTES}")


def _check_keys(tags: Mapping[str, str]) -> None:
    for key in tags:
        if key.lower().startswith("aws:"):
            raise ValidationFailed(f"Tag key {key} is invalid: keys that begin with aws: are reserved")
