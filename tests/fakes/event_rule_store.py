"""An EventRuleStore in memory, forgotten together with the jobs of a MemoryJobStore."""

from collections.abc import Sequence
from dataclasses import replace

from processing_emulator.ports import EventRule, RuleChange, RuleKey
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.stored import stored_json


class MemoryEventRuleStore:
    """Implements `ports.EventRuleStore`."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._rules: dict[RuleKey, EventRule] = {}
        self._places: dict[str, int] = {}
        jobs.own(self._rules)

    def find_rule(self, key: RuleKey) -> EventRule | None:
        """See the port."""
        with self._jobs.transaction():
            return self._rules.get(key)

    def list_rules(self, account: str | None = None, region: str | None = None) -> Sequence[EventRule]:
        """See the port."""
        with self._jobs.transaction():
            found = sorted(self._rules.items())
        return [rule for key, rule in found if account in (None, key.account) and region in (None, key.region)]

    def change_rule(self, key: RuleKey, change: RuleChange) -> None:
        """See the port."""
        with self._jobs.transaction():
            after = change(self._rules.get(key))
            if after is None:
                self._rules.pop(key, None)
            else:
                targets = tuple(stored_json(target) for target in after.targets)
                self._rules[key] = replace(after, request=stored_json(after.request), targets=targets)

    def delivered_to(self, destination: str) -> int | None:
        """See the port."""
        with self._jobs.transaction():
            return self._places.get(destination)

    def set_delivered_to(self, destination: str, place: int) -> None:
        """See the port."""
        with self._jobs.transaction():
            self._places[destination] = place
