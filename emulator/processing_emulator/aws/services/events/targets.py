"""PutTargets, ListTargetsByRule and RemoveTargets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.events.rule_members import find_rule, found, page_of, rule_key
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.target_input import check_target_input
from processing_emulator.errors import EventLimitExceeded
from processing_emulator.ports import EventRule, EventRuleStore

MOST_TARGETS: Final = 5
"""Of a rule."""


def target_handlers(store: EventRuleStore) -> Mapping[str, Handler]:
    """The handlers by operation."""
    return {
        "PutTargets": _put_targets(store),
        "ListTargetsByRule": _list_targets(store),
        "RemoveTargets": _remove_targets(store),
    }


def _put_targets(store: EventRuleStore) -> Handler:
    """Targets replace those with the same ids."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = rule_key(context, request, "Rule")
        for target in request["Targets"]:
            check_target_input(target)

        def change(rule: EventRule | None) -> EventRule:
            there = found(rule, key)
            targets = {target["Id"]: target for target in (*there.targets, *request["Targets"])}
            if len(targets) > MOST_TARGETS:
                raise EventLimitExceeded("The requested resource exceeds the maximum number allowed.")
            return replace(there, targets=tuple(targets.values()))

        store.change_rule(key, change)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    return handle


def _list_targets(store: EventRuleStore) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        rule = find_rule(store, rule_key(context, request, "Rule"))
        targets = {target["Id"]: target for target in sorted(rule.targets, key=lambda target: target["Id"])}
        return page_of("Targets", targets, request)

    return handle


def _remove_targets(store: EventRuleStore) -> Handler:
    """Ids that there are no targets of do not matter."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = rule_key(context, request, "Rule")

        def change(rule: EventRule | None) -> EventRule:
            there = found(rule, key)
            return replace(
                there, targets=tuple(target for target in there.targets if target["Id"] not in request["Ids"])
            )

        store.change_rule(key, change)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    return handle
