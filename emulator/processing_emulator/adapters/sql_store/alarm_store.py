"""AlarmStore on SQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update

from processing_emulator.adapters.sql_store.alarm_tables import metric_alarms
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.rows import is_storable
from processing_emulator.adapters.sql_store.timestamps import from_ms, to_ms
from processing_emulator.ports import Alarm, AlarmKey

_COLUMNS = metric_alarms.c


class SqlAlarmStore:
    """Implements `ports.AlarmStore`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_alarm(self, alarm: Alarm) -> None:
        """Store a new alarm, or the new description of one that keeps its tags."""
        described = {"request": dict(alarm.request), "updated_at_ms": to_ms(alarm.updated_at)}
        with self._database.writing() as connection:
            changed = connection.execute(update(metric_alarms).where(_is(alarm.key)).values(described)).rowcount
            if not changed:
                values = {**alarm.key._asdict(), **described, "tags": dict(alarm.tags)}
                connection.execute(insert(metric_alarms).values(values))

    def list_alarms(self, account: str, region: str) -> Sequence[Alarm]:
        """All alarms, in the order of their names."""
        statement = (
            select(metric_alarms).where(_COLUMNS.account == account, _COLUMNS.region == region).order_by(_COLUMNS.name)
        )
        with self._database.reading() as connection:
            return [_alarm_of(row) for row in connection.execute(statement)]

    def find_alarm(self, key: AlarmKey) -> Alarm | None:
        """The alarm of that name."""
        if not is_storable(key.name):
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(metric_alarms).where(_is(key))).one_or_none()
        return None if row is None else _alarm_of(row)

    def edit_alarm_tags(self, key: AlarmKey, edit: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Replace the tags of an alarm, if there is one, by what `edit` makes of them."""
        with self._database.writing() as connection:
            row = connection.execute(select(_COLUMNS.tags).where(_is(key))).one_or_none()
            if row is not None:
                tags = dict(edit(row.tags))
                connection.execute(update(metric_alarms).where(_is(key)).values(tags=tags))

    def delete_alarms(self, account: str, region: str, names: Sequence[str]) -> None:
        """Remove those of them that there are."""
        known = [name for name in names if is_storable(name)]
        owned = and_(_COLUMNS.account == account, _COLUMNS.region == region)
        with self._database.writing() as connection:
            connection.execute(delete(metric_alarms).where(owned, _COLUMNS.name.in_(known)))


def _is(key: AlarmKey) -> ColumnElement[bool]:
    return and_(_COLUMNS.account == key.account, _COLUMNS.region == key.region, _COLUMNS.name == key.name)


def _alarm_of(row: Row[Any]) -> Alarm:
    return Alarm(
        key=AlarmKey(row.account, row.region, row.name),
        request=row.request,
        tags=row.tags,
        updated_at=from_ms(row.updated_at_ms),
    )
