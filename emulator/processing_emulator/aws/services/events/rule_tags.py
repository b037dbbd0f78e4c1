"""TagResource, UntagResource and ListTagsForResource, of rules."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.events.rule_members import found
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import EventResourceNotFound, ValidationFailed
from processing_emulator.ports import EventRule, EventRuleStore, RuleKey

MOST_TAGS: Final = 50


def rule_tag_handlers(store: EventRuleStore) -> Mapping[str, Handler]:
    """The handlers by operation."""
    return {
        "TagResource": _tag(store),
        "UntagResource": _untag(store),
        "ListTagsForResource": _list(store),
    }


def _tag(store: EventRuleStore) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = _key(context, request)

        def change(rule: EventRule | None) -> EventRule:
            there = found(rule, key)
            tags = {**there.tags, **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
            if len(tags) > MOST_TAGS:
                raise ValidationFailed(f"A rule has at most {MOST_TAGS} tags.")
            return replace(there, tags=tags)

        store.change_rule(key, change)
        return {}

    return handle


def _untag(store: EventRuleStore) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = _key(context, request)

        def change(rule: EventRule | None) -> EventRule:
            there = found(rule, key)
            return replace(there, tags={k: v for k, v in there.tags.items() if k not in request["TagKeys"]})

        store.change_rule(key, change)
        return {}

    return handle


def _list(store: EventRuleStore) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = _key(context, request)
        tags = found(store.find_rule(key), key).tags
        return {"Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}

    return handle


def _key(context: RequestContext, request: Mapping[str, Any]) -> RuleKey:
    """Raises EventResourceNotFound for what is no rule of this account and region."""
    arn = request["ResourceARN"]
    key = RuleKey(context.account, context.region, arn.rpartition(":rule/")[2].removeprefix("default/"))
    if arn not in (key.arn, key.arn.replace(":rule/", ":rule/default/")):
        raise EventResourceNotFound(f"{arn} is not a rule of this account and region.")
    return key
