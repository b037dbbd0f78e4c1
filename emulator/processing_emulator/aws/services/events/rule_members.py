"""What the operations on rules share: which rule a request is about, and pages of lists."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.domain.page_token import pack, unpack
from processing_emulator.errors import EventResourceNotFound, ValidationFailed
from processing_emulator.ports import EventRule, EventRuleStore, RuleKey

T = TypeVar("T")

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


def page_of(name: str, items: Mapping[str, T], request: Mapping[str, Any]) -> Mapping[str, object]:
    """A page of a list whose items are in the order of their keys. Raises ValidationFailed for a wrong NextToken."""
    after = _opened(request["NextToken"]) if "NextToken" in request else ""
    left: Sequence[str] = [key for key in items if key > after]
    page = left[: request.get("Limit", _PAGE)]
    token = pack([page[-1]]) if len(left) > len(page) else None
    return present(**{name: [items[key] for key in page]}, NextToken=token)


def _opened(token: str) -> str:
    try:
        [key] = unpack(token)
    except ValueError as error:
        raise ValidationFailed("The value of NextToken is not valid.") from error
    return str(key)
