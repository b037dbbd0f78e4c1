"""EventRuleStore on SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.event_rule_tables import event_deliveries, event_rules
from processing_emulator.ports import EventRule, RuleChange, RuleKey

_COLUMNS = event_rules.c


class SqlEventRuleStore:
    """Implements `ports.EventRuleStore`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_rule(self, key: RuleKey) -> EventRule | None:
        """The rule of that name."""
        with self._database.reading() as connection:
            return _find(connection, key)

    def list_rules(self, account: str | None = None, region: str | None = None) -> Sequence[EventRule]:
        """All rules of an account and a region, or of all, in the order of their keys."""
        statement = select(event_rules).order_by(_COLUMNS.account, _COLUMNS.region, _COLUMNS.name)
        if account is not None:
            statement = statement.where(_COLUMNS.account == account)
        if region is not None:
            statement = statement.where(_COLUMNS.region == region)
        with self._database.reading() as connection:
            return [_rule_of(row) for row in connection.execute(statement)]

    def change_rule(self, key: RuleKey, change: RuleChange) -> None:
        """Store, change or remove a rule, in one transaction."""
        with self._database.writing() as connection:
            before = _find(connection, key)
            after = change(before)
            if after is None:
                connection.execute(delete(event_rules).where(_is(key)))
            elif before is None:
                connection.execute(insert(event_rules).values({**key._asdict(), **_values(after)}))
            else:
                connection.execute(update(event_rules).where(_is(key)).values(_values(after)))

    def delivered_to(self, destination: str) -> int | None:
        """The place of the last event that a destination needs no more."""
        place = select(event_deliveries.c.place).where(event_deliveries.c.destination == destination)
        with self._database.reading() as connection:
            return connection.execute(place).scalar_one_or_none()

    def set_delivered_to(self, destination: str, place: int) -> None:
        """Keep that place."""
        own = event_deliveries.c.destination == destination
        with self._database.writing() as connection:
            if not connection.execute(update(event_deliveries).where(own).values(place=place)).rowcount:
                connection.execute(insert(event_deliveries).values(destination=destination, place=place))


def _find(connection: Connection, key: RuleKey) -> EventRule | None:
    row = connection.execute(select(event_rules).where(_is(key))).one_or_none()
    return None if row is None else _rule_of(row)


def _is(key: RuleKey) -> ColumnElement[bool]:
    return and_(_COLUMNS.account == key.account, _COLUMNS.region == key.region, _COLUMNS.name == key.name)


def _values(rule: EventRule) -> dict[str, object]:
    return {"request": dict(rule.request), "tags": dict(rule.tags), "targets": [dict(each) for each in rule.targets]}


def _rule_of(row: Row[Any]) -> EventRule:
    return EventRule(
        key=RuleKey(row.account, row.region, row.name), request=row.request, tags=row.tags, targets=tuple(row.targets)
    )
