"""The store of EventBridge's rules, and of how far deliveries to their targets are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol


class RuleKey(NamedTuple):
    """How EventBridge names a rule of the default event bus."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """As it stands in requests for tags."""
        return f"arn:aws:events:{self.region}:{self.account}:rule/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """One rule: the request that described it last, without Tags, and its targets as PutTargets sent them."""

    key: RuleKey
    request: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    targets: Sequence[Mapping[str, Any]] = ()

    @property
    def is_enabled(self) -> bool:
        """Whether events are matched against it."""
        return bool(self.request.get("State") != "DISABLED")


RuleChange = Callable[[EventRule | None], EventRule | None]
"""What becomes of a rule; None where there is none."""


class EventRuleStore(Protocol):
    """Rules of all accounts."""

    def find_rule(self, key: RuleKey) -> EventRule | None:
        """The rule of that name."""
        ...

    def list_rules(self, account: str | None = None, region: str | None = None) -> Sequence[EventRule]:
        """All rules of an account and a region, or of all, in the order of their keys."""
        ...

    def change_rule(self, key: RuleKey, change: RuleChange) -> None:
        """Store, change or remove a rule: what `change` makes of it, in one transaction. What it raises, ends it."""
        ...

    def delivered_to(self, destination: str) -> int | None:
        """The place in the feed of the last event that a destination needs no more; None: it is a new one."""
        ...

    def set_delivered_to(self, destination: str, place: int) -> None:
        """Keep that place. It outlives a reset, because places in the feed go on after one."""
        ...
