"""What a destination gets: all events, or those of the rules that have a target there."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from processing_emulator.domain.event_pattern import EventPattern, compile_pattern
from processing_emulator.domain.target_input import input_of
from processing_emulator.ports import EventMessage, EventRule, EventRuleStore


class Selection(Protocol):
    """Chooses what is delivered of an event."""

    def messages(self, event: Mapping[str, Any]) -> Sequence[EventMessage]:
        """What to deliver, in order. Raises StoreFailure."""
        ...


class AllEvents:
    """Every event as it is, of all accounts and regions."""

    def messages(self, event: Mapping[str, Any]) -> Sequence[EventMessage]:
        """One."""
        return [EventMessage(event=event, text=json.dumps(event), target={})]


class TargetOfRules:
    """What the rules of the event's account and region send to one ARN, as they are at the time of the delivery."""

    def __init__(self, arn: str, rules: EventRuleStore) -> None:
        self._arn = arn
        self._rules = rules

    def messages(self, event: Mapping[str, Any]) -> Sequence[EventMessage]:
        """One for each target of each rule that matches."""
        return [
            EventMessage(event=event, text=input_of(target, event), target=target)
            for rule in self._rules.list_rules(event["account"], event["region"])
            for target in self._targets(rule, event)
        ]

    def _targets(self, rule: EventRule, event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        targets = [target for target in rule.targets if target["Arn"] == self._arn]
        if targets and rule.is_enabled and _pattern(rule.request["EventPattern"])(event):
            yield from targets


@lru_cache(maxsize=256)
def _pattern(text: str) -> EventPattern:
    return compile_pattern(text)
