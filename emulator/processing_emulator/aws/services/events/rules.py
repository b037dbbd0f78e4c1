"""PutRule, DescribeRule, ListRules, EnableRule, DisableRule, DeleteRule and TestEventPattern."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.events.rule_members import (
    DEFAULT_BUS,
    check_bus,
    find_rule,
    found,
    page_of,
    rule_key,
)
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.event_pattern import compile_pattern
from processing_emulator.errors import Unsupported, ValidationFailed
from processing_emulator.ports import EventRule, EventRuleStore


def rule_handlers(store: EventRuleStore) -> Mapping[str, Handler]:
    """The handlers by operation."""
    return {
        "PutRule": _put_rule(store),
        "DescribeRule": lambda context, request: _described(find_rule(store, rule_key(context, request))),
        "ListRules": _list_rules(store),
        "EnableRule": _set_state(store, "ENABLED"),
        "DisableRule": _set_state(store, "DISABLED"),
        "DeleteRule": _delete_rule(store),
        "TestEventPattern": _test_event_pattern,
    }


def _put_rule(store: EventRuleStore) -> Handler:
    """Tags of a request count for a new rule only, as with the service."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = rule_key(context, request)
        _check(request)
        members = {name: value for name, value in request.items() if name not in ("Tags", "EventBusName")}
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        new = EventRule(key=key, request=members, tags=tags)
        store.change_rule(key, lambda rule: replace(rule, request=members) if rule else new)
        return {"RuleArn": key.arn}

    return handle


def _check(request: Mapping[str, Any]) -> None:
    if "ScheduleExpression" in request:
        raise Unsupported("ScheduleExpression is not supported by the emulator: rules here match events only")
    if "EventPattern" not in request:
        raise ValidationFailed("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    compile_pattern(request["EventPattern"])


def _list_rules(store: EventRuleStore) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        check_bus(context, request)
        rules = {
            rule.key.name: _listed(rule)
            for rule in store.list_rules(context.account, context.region)
            if rule.key.name.startswith(request.get("NamePrefix", ""))
        }
        return page_of("Rules", rules, request)

    return handle


def _set_state(store: EventRuleStore, state: str) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        key = rule_key(context, request)

        def change(rule: EventRule | None) -> EventRule:
            there = found(rule, key)
            return replace(there, request={**there.request, "State": state})

        store.change_rule(key, change)

    return handle


def _delete_rule(store: EventRuleStore) -> Handler:
    """A rule that there is none of does not matter."""

    def delete(rule: EventRule | None) -> None:
        if rule is not None and rule.targets:
            raise ValidationFailed("Rule can't be deleted since it has targets.")

    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        store.change_rule(rule_key(context, request), delete)

    return handle


def _test_event_pattern(_context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
    matches = compile_pattern(request["EventPattern"])
    try:
        event = json.loads(request["Event"])
    except (ValueError, RecursionError) as error:
        raise ValidationFailed("Parameter Event is not valid JSON.") from error
    if not isinstance(event, dict):
        raise ValidationFailed("Parameter Event is not a JSON object.")
    return {"Result": matches(event)}


def _listed(rule: EventRule) -> Mapping[str, object]:
    members = {name: rule.request.get(name) for name in ("Name", "EventPattern", "Description", "RoleArn")}
    return present(**members, Arn=rule.key.arn, State=rule.request.get("State", "ENABLED"), EventBusName=DEFAULT_BUS)


def _described(rule: EventRule) -> Mapping[str, object]:
    return {**_listed(rule), "CreatedBy": rule.key.account}
