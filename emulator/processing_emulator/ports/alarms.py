"""The store of CloudWatch's alarms, which are kept and not evaluated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol


class AlarmKey(NamedTuple):
    """How CloudWatch names an alarm."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """As it stands in requests for tags."""
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: the request that described it last, without Tags, and when that was."""

    key: AlarmKey
    request: Mapping[str, Any]
    tags: Mapping[str, str]
    updated_at: datetime


class AlarmStore(Protocol):
    """Alarms of all accounts."""

    def put_alarm(self, alarm: Alarm) -> None:
        """Store a new alarm, or the new description of one that keeps its tags."""
        ...

    def list_alarms(self, account: str, region: str) -> Sequence[Alarm]:
        """All alarms, in the order of their names."""
        ...

    def find_alarm(self, key: AlarmKey) -> Alarm | None:
        """The alarm of that name."""
        ...

    def edit_alarm_tags(self, key: AlarmKey, edit: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Replace the tags of an alarm, if there is one, by what `edit` makes of them, while nobody else does.

        What `edit` raises is raised.
        """
        ...

    def delete_alarms(self, account: str, region: str, names: Sequence[str]) -> None:
        """Remove those of them that there are."""
        ...
