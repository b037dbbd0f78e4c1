"""What the operations on rules share: which rule a request is about, and pages of lists."""

from collections.abc import Mapping
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.named_pages import page_after
from processing_emulator.errors import EventResourceNotFound, ValidationFailed
from processing_emulator.ports import EventRule, EventRuleStore, RuleKey

DEFAULT_BUS: Final = "default"
_PAGE: Final = 100


def rule_key(context: RequestContext, request: Mapping[str, Any], member: str = "Name") -> RuleKey:
    """The rule that is meant. Raises EventResourceNotFound for an event bus other than the default one."""
    check_bus(context, request)
    return RuleKey(context.account, context.region, request[member])


def check_bus(context: RequestContext, request: Mapping[str, Any]) -> None:
    """There is one event bus, that of AWS services. Raises EventResourceNotFound."""
    bus = request.get("EventBusName", DEFAULT_BUS)
    if bus not in (DEFAULT_BUS, f"arn:aws:events:{context.region}:{context.account}:event-bus/{DEFAULT_BUS}"):
        raise EventResourceNotFound(f"Event bus {bus} does not exist.")


def found(rule: EventRule | None, key: RuleKey) -> EventRule:
    """The rule. Raises EventResourceNotFound."""
    if rule is None:
        raise EventResourceNotFound(f"Rule {key.name} does not exist on EventBus {DEFAULT_BUS}.")
    return rule


def find_rule(store: EventRuleStore, key: RuleKey) -> EventRule:
    """The rule of that name. Raises EventResourceNotFound."""
    return found(store.find_rule(key), key)


def page_of(name: str, items: Mapping[str, object], request: Mapping[str, Any]) -> Mapping[str, object]:
    """A page of a list, by the names of its items. Raises ValidationFailed for a wrong NextToken."""
    try:
        page = page_after(items, request.get("NextToken"), request.get("Limit", _PAGE))
    except ValueError as error:
        raise ValidationFailed("The value of NextToken is not valid.") from error
    return present(**{name: [items[key] for key in page.names]}, NextToken=page.token)
